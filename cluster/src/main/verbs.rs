//! The verbs that answer with a document: backup, check, status.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use cameo_cluster::backup::{
    self, ApproveError, BackupError, BackupFileError, BackupInfo, RestoreError,
};
use cameo_cluster::config::{
    ApproveRestoreFlags, BackupFlags, CheckFlags, RestoreFlags, StatusFlags,
};
use cameo_cluster::folder_check;
use cameo_cluster::host::log::{self, Level};
use cameo_cluster::operator;
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::terminal::{escaped, unwritten};
use serde_json::json;
use zeroize::Zeroizing;

use super::{EXIT_USAGE, tell, usage};

/// Version of the JSON document of an error.
const SCHEMA: u32 = 1;

/// Runs a verb to its end; its lines for the operator go to stderr.
pub fn carried_out<T>(verb: impl AsyncFnOnce(operator::Tell<'_>) -> T) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tell = |line: &str| tell(&line);
    Ok(runtime.block_on(verb(operator::Tell(&tell))))
}

/// Takes a backup.
pub fn backup(flags: BackupFlags) -> ExitCode {
    let BackupFlags { file, order, json } = flags;
    let (key, address) = (order.operator, order.cluster);
    let to = file.clone();
    let taken = carried_out(async |tell| backup::fetch(&key, address, to, tell).await);
    let (document, code) = match taken {
        Ok(Ok(info)) => {
            let BackupInfo { index, bytes, .. } = info;
            let to = file.display();
            tell(&format_args!(
                "wrote a backup to {to}: the state up to entry {index}, {bytes} bytes, verified"
            ));
            (backup::json(&file, &info), 0)
        }
        Ok(Err(error)) => {
            log::tell(Level::Error, &error);
            (backup::json_of_failure(&file, &error), code_of(&error))
        }
        Err(error) => return fail(json, &error),
    };
    match json {
        true => print(&document.to_string(), code),
        false => ExitCode::from(code),
    }
}

fn code_of(error: &BackupError) -> u8 {
    let exit = match error {
        BackupError::Verb(error) => operator::Exit::from(error),
        BackupError::File(BackupFileError::Exists(_)) => operator::Exit::Usage,
        BackupError::File(_) => operator::Exit::Other,
        BackupError::NoNode(_) => operator::Exit::NoMajority,
    };
    exit as u8
}

/// Prepares the folder of a node that forms a cluster from a backup.
pub fn restore(flags: &RestoreFlags) -> ExitCode {
    match backup::keep(&flags.file, flags.from, &flags.data) {
        Ok(kept) => {
            let index = kept.predecessor().index;
            tell(&format_args!(
                "prepared {}: the cluster that this node forms begins from entry {index} of \
                 cluster {}. Prepare the other nodes with the same backup, start them all, and \
                 then run `cameod approve-restore`",
                flags.data.display(),
                flags.from
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            log::tell(Level::Error, &error);
            let code = match &error {
                RestoreError::File(BackupFileError::Damaged { .. }) => operator::Exit::Other,
                RestoreError::OtherCluster { .. } => operator::Exit::OtherCluster,
                _ => operator::Exit::Usage,
            };
            ExitCode::from(code as u8)
        }
    }
}

/// Approves a restore; what was done, or how it failed.
pub fn approve_restore(flags: ApproveRestoreFlags) -> Result<String, ExitCode> {
    let ApproveRestoreFlags { file, order } = flags;
    let (key, address) = (order.operator, order.cluster);
    let approved = carried_out(async |tell| backup::approve(&key, address, &file, tell).await);
    let approved = approved.map_err(|error| usage(&error))?;
    approved.map(|report| report.note).map_err(|error| {
        log::tell(Level::Error, &error);
        let code = match &error {
            ApproveError::Verb(error) => operator::Exit::from(error),
            ApproveError::File(BackupFileError::Damaged { .. }) => operator::Exit::Other,
            ApproveError::File(_) => operator::Exit::Usage,
            ApproveError::NoPredecessor(_) | ApproveError::OtherState { .. } => {
                operator::Exit::Refused
            }
        };
        ExitCode::from(code as u8)
    })
}

/// Checks a data folder. The document or the lines are on stdout.
pub fn check(flags: &CheckFlags) -> ExitCode {
    let scratch = flags.scratch.clone().unwrap_or_else(std::env::temp_dir);
    match folder_check::check(&flags.folder, &scratch) {
        Ok(report) if flags.json => print(&report.json().to_string(), report.exit_code()),
        Ok(report) => print(&report.text(), report.exit_code()),
        Err(error) if flags.json => {
            let (document, code) = folder_check::unusable(&flags.folder, &error);
            print(&document.to_string(), code)
        }
        Err(error) => usage(&error),
    }
}

/// Verifies a backup.
pub fn check_backup(flags: &CheckFlags) -> ExitCode {
    let file = &flags.folder;
    match backup::verify(file) {
        Ok(info) if flags.json => print(&backup::json(file, &info).to_string(), 0),
        Ok(info) => print(&info.text(file), 0),
        Err(error) => {
            let code = match &error {
                BackupFileError::Damaged { .. } => 1,
                _ => EXIT_USAGE,
            };
            if flags.json {
                return print(&backup::json_of_unusable(file, &error).to_string(), code);
            }
            log::tell(Level::Error, &error);
            ExitCode::from(code)
        }
    }
}

/// Prints the status of a cluster.
pub fn status(flags: StatusFlags) -> ExitCode {
    let cluster = flags.cluster;
    let asked = carried_out(async |tell| operator::cluster_status(cluster, tell).await);
    match asked {
        Ok(Ok(status)) => {
            let text = match flags.json {
                true => status.json(),
                false => status.text(),
            };
            let wrong = operator::Exit::Other as u8;
            print(&text, if status.healthy { 0 } else { wrong })
        }
        Ok(Err(error)) => {
            log::tell(Level::Error, &error);
            let code = operator::Exit::from(&error) as u8;
            match flags.json {
                true => print(&operator::unknown_status(&error), code),
                false => ExitCode::from(code),
            }
        }
        Err(error) => fail(flags.json, &error),
    }
}

/// Prints the members of a cluster.
pub fn members(cluster: ClusterAddress, json: bool) -> ExitCode {
    let listed = carried_out(async |tell| operator::member::list(cluster, tell).await);
    match listed {
        Ok(Ok(list)) => print(&if json { list.json() } else { list.text() }, 0),
        Ok(Err(error)) => {
            log::tell(Level::Error, &error);
            let code = operator::Exit::from(&error) as u8;
            match json {
                true => print(&operator::unknown_status(&error), code),
                false => ExitCode::from(code),
            }
        }
        Err(error) => fail(json, &error),
    }
}

/// Says what cannot be used, with `--json` as a document too.
pub fn fail(json: bool, error: &dyn Display) -> ExitCode {
    let code = usage(error);
    if !json {
        return code;
    }
    let document = json!({ "schema": SCHEMA, "error": error.to_string() });
    print(&document.to_string(), EXIT_USAGE)
}

/// Prints to stdout, and returns this exit code. What nodes and names of files say is obeyed by no
/// terminal.
pub fn print(text: &str, code: u8) -> ExitCode {
    ended(write_line(&escaped(text)), code)
}

/// This exit code, after something was printed. A reader that has gone is no failure. Where it
/// could not be written, stderr says so, and the code is not 0.
pub fn ended(printed: io::Result<()>, code: u8) -> ExitCode {
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            log::tell(Level::Error, unwritten(&error));
            ExitCode::from(code.max(operator::Exit::Other as u8))
        }
        _ => ExitCode::from(code),
    }
}

/// Prints what nobody gets a second time: also a reader that has gone is a failure then.
pub fn print_once(secret: &Zeroizing<String>, if_lost: &str) -> ExitCode {
    match write_line(secret) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::tell(
                Level::Error,
                format_args!("{}; {if_lost}", unwritten(&error)),
            );
            ExitCode::from(operator::Exit::Other as u8)
        }
    }
}

/// Writes a line to stdout.
pub fn write_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}
