//! The verbs that answer with a document: backup, check, status.

use std::io::Write as _;
use std::process::ExitCode;

use cameo_cluster::backup::{self, BackupError, BackupFileError, BackupInfo};
use cameo_cluster::config::{BackupFlags, CheckFlags, StatusFlags};
use cameo_cluster::folder_check;
use cameo_cluster::host::log::{self, Level};
use cameo_cluster::operator;

use super::{EXIT_USAGE, tell, usage};

/// Runs a verb to its end; its lines for the operator go to stderr.
pub fn carried_out<T>(verb: impl AsyncFnOnce(operator::Tell<'_>) -> T) -> std::io::Result<T> {
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
    match taken {
        Ok(Ok(info)) => {
            let BackupInfo { index, bytes, .. } = info;
            let to = file.display();
            tell(&format_args!(
                "wrote a backup to {to}: the state up to entry {index}, {bytes} bytes, verified"
            ));
            if json {
                print(&backup::json(&file, &info).to_string());
            }
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => {
            log::tell(Level::Error, &error);
            if json {
                print(&backup::json_of_failure(&file, &error).to_string());
            }
            ExitCode::from(match &error {
                BackupError::Verb(error) => operator::Exit::from(error),
                BackupError::File(BackupFileError::Exists(_)) => operator::Exit::Usage,
                BackupError::File(_) => operator::Exit::Other,
                BackupError::NoNode(_) => operator::Exit::NoMajority,
            } as u8)
        }
        Err(error) => usage(&error),
    }
}

/// Checks a data folder. The document or the lines are on stdout.
pub fn check(flags: &CheckFlags) -> ExitCode {
    let scratch = flags.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let (document, code) = match folder_check::check(&flags.folder, &scratch) {
        Ok(report) if flags.json => (report.json(), report.exit_code()),
        Ok(report) => {
            print(&report.text());
            return ExitCode::from(report.exit_code());
        }
        Err(error) if flags.json => folder_check::unusable(&flags.folder, &error),
        Err(error) => return usage(&error),
    };
    print(&document.to_string());
    ExitCode::from(code)
}

/// Verifies a backup.
pub fn check_backup(flags: &CheckFlags) -> ExitCode {
    let file = &flags.folder;
    let (document, code) = match backup::verify(file) {
        Ok(info) if flags.json => (backup::json(file, &info), 0),
        Ok(info) => {
            print(&info.text(file));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let code = match &error {
                BackupFileError::Damaged { .. } => 1,
                _ => EXIT_USAGE,
            };
            if !flags.json {
                log::tell(Level::Error, &error);
                return ExitCode::from(code);
            }
            (backup::json_of_failure(file, &error), code)
        }
    };
    print(&document.to_string());
    ExitCode::from(code)
}

/// Prints the status of a cluster.
pub fn status(flags: StatusFlags) -> ExitCode {
    let cluster = flags.cluster;
    let asked = carried_out(async |tell| operator::cluster_status(cluster, tell).await);
    match asked {
        Ok(Ok(status)) => {
            print(&match flags.json {
                true => status.json(),
                false => status.text(),
            });
            let wrong = operator::Exit::Other as u8;
            ExitCode::from(if status.healthy { 0 } else { wrong })
        }
        Ok(Err(error)) => {
            log::tell(Level::Error, &error);
            if flags.json {
                print(&operator::unknown_status(&error));
            }
            ExitCode::from(operator::Exit::from(&error) as u8)
        }
        Err(error) => usage(&error),
    }
}

/// Prints to stdout, whether or not somebody reads it.
pub fn print(text: &str) {
    let _unread = writeln!(std::io::stdout(), "{text}");
}
