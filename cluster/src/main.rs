//! `cameod`: runs a node, creates a cluster secret, carries an order of the operator to the
//! cluster, takes a backup, asks for the cluster's status, or checks a folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cameo_cluster::backup::{self, BackupError, BackupFileError, BackupInfo};
use cameo_cluster::config::{BackupFlags, CheckFlags, CommandLine, Config, StatusFlags, Verb};
use cameo_cluster::folder_check;
use cameo_cluster::host::clock::{SystemClock, WallClock as _};
use cameo_cluster::node::secret_file::{self, SecretFileError};
use cameo_cluster::node::{Node, Stage};
use cameo_cluster::operator::{self, key_file::KeyFileError};
use cameo_cluster::raft::RAFT_THREAD;
use clap::{CommandFactory, Parser};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Exit code for flags, files and ports that cannot be used.
pub const EXIT_USAGE: u8 = 2;
/// Prints a line to stderr. Where nobody reads it, the node goes on: `eprintln!` would panic.
macro_rules! say {
    ($($text:tt)*) => {{
        let _unread = writeln!(std::io::stderr(), $($text)*);
    }};
}

/// Threads of the API; Raft and the jobs have their own.
const API_THREADS: usize = 2;

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    start_log();
    abort_when_consensus_panics();
    match line.verb {
        Some(Verb::Secret { file, passphrase }) => match create_secret(&file, passphrase) {
            Ok(operator) => {
                say!(
                    "cameod: wrote a new secret to {}: copy it to every node",
                    file.display()
                );
                say!(
                    "cameod: wrote the operator's key to {}: keep it off the nodes, with a backup",
                    operator.display()
                );
                ExitCode::SUCCESS
            }
            Err(error) => usage(&error),
        },
        Some(Verb::Backup(flags)) => backup(flags),
        Some(Verb::Check(flags)) if backup::is_backup(&flags.folder) => check_backup(&flags),
        Some(Verb::Check(flags)) => check(&flags),
        Some(Verb::Status(flags)) => status(flags),
        Some(Verb::Remove(flags)) => order(flags.into_order()),
        Some(Verb::Token(flags)) => match flags.check() {
            Ok((key, token)) => {
                let now = SystemClock.unix_millis();
                report(operator::sign_token(&key, token, now))
            }
            Err(error) => usage(&error),
        },
        Some(Verb::Registration(flags)) => order(flags.into_order()),
        Some(Verb::Invite(flags)) => order(flags.into_order()),
        Some(Verb::Retire(flags)) => order(flags.into_order()),
        None => match line.run.map(|flags| flags.check()) {
            Some(Ok(config)) => run(config),
            Some(Err(error)) => usage(&error),
            None => CommandLine::command()
                .error(
                    clap::error::ErrorKind::MissingRequiredArgument,
                    "a node needs --id, --data, --peers, --http and --secret",
                )
                .exit(),
        },
    }
}

/// Checks a data folder. The document or the lines are on stdout.
fn check(flags: &CheckFlags) -> ExitCode {
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

/// Prints to stdout, whether or not somebody reads it.
fn print(text: &str) {
    let _unread = writeln!(std::io::stdout(), "{text}");
}

fn create_secret(file: &Path, sealed: bool) -> Result<PathBuf, SecretFileError> {
    let passphrase = match sealed {
        true => Some(operator::passphrase::choose().map_err(KeyFileError::from)?),
        false => None,
    };
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
    secret_file::create(file, passphrase)
}

fn start_log() {
    let filter = EnvFilter::try_from_env("CAMEO_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,openraft=error,cameo_cluster=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Else a line that cannot be written is a panic: the log's reader may have gone.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

/// Aborts the process when a Raft thread panics, which is a bug. openraft's core would be gone, and
/// its callers would wait forever. As after a failed sync, the log has everything acknowledged.
fn abort_when_consensus_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let thread = std::thread::current();
        if thread
            .name()
            .is_some_and(|name| name.starts_with(RAFT_THREAD))
        {
            say!("cameod: fatal: consensus has failed; keep this output, and start the node again");
            std::process::abort();
        }
    }));
}

fn usage(error: &dyn std::fmt::Display) -> ExitCode {
    say!("cameod: {error}");
    ExitCode::from(EXIT_USAGE)
}

fn run(config: Config) -> ExitCode {
    #[cfg(feature = "baselines")]
    if let Some(warning) = config.baseline.warning() {
        say!("cameod: warning: {warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(API_THREADS)
        .thread_name("cameod-api")
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run_node(config)),
        Err(error) => usage(&error),
    }
}

fn order(order: operator::Order) -> ExitCode {
    match carried_out(async |tell| operator::run(order, tell).await) {
        Ok(ran) => report(ran),
        Err(error) => usage(&error),
    }
}

/// Runs a verb to its end; its lines for the operator go to stderr.
fn carried_out<T>(verb: impl AsyncFnOnce(operator::Tell<'_>) -> T) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tell = |line: &str| say!("cameod: {line}");
    Ok(runtime.block_on(verb(operator::Tell(&tell))))
}

/// Takes a backup.
fn backup(flags: BackupFlags) -> ExitCode {
    let BackupFlags { file, order, json } = flags;
    let (key, address) = (order.operator, order.cluster);
    let to = file.clone();
    let taken = carried_out(async |tell| backup::fetch(&key, address, to, tell).await);
    match taken {
        Ok(Ok(info)) => {
            let BackupInfo { index, bytes, .. } = info;
            say!(
                "cameod: wrote a backup to {}: the state up to entry {index}, {bytes} bytes, \
                 verified",
                file.display()
            );
            if json {
                print(&backup::json(&file, &info).to_string());
            }
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => {
            say!("cameod: {error}");
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

/// Verifies a backup.
fn check_backup(flags: &CheckFlags) -> ExitCode {
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
                say!("cameod: {error}");
                return ExitCode::from(code);
            }
            (backup::json_of_failure(file, &error), code)
        }
    };
    print(&document.to_string());
    ExitCode::from(code)
}

/// Prints the status of a cluster.
fn status(flags: StatusFlags) -> ExitCode {
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
            say!("cameod: {error}");
            if flags.json {
                print(&operator::unknown_status(&error));
            }
            ExitCode::from(operator::Exit::from(&error) as u8)
        }
        Err(error) => usage(&error),
    }
}

/// Prints the result of a verb.
fn report(ran: Result<operator::Report, operator::VerbError>) -> ExitCode {
    match ran {
        Ok(report) => {
            say!("cameod: {}", report.note);
            if let Some(output) = report.output {
                print(&output);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            say!("cameod: {error}");
            ExitCode::from(operator::Exit::from(&error) as u8)
        }
    }
}

/// Runs a node from start to stop.
async fn run_node(config: Config) -> ExitCode {
    let signals = signal(SignalKind::terminate()).and_then(|terminate| {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok((terminate, interrupt))
    });
    let (mut terminate, mut interrupt) = match signals {
        Ok(signals) => signals,
        Err(error) => return usage(&error),
    };
    let node = tokio::select! {
        started = Node::start(config) => match started {
            Ok(node) => node,
            Err(error) => return usage(&error),
        },
        () = either(&mut terminate, &mut interrupt) => return ExitCode::SUCCESS,
    };
    let end = tokio::select! {
        () = print_stage(&node) => End::Requested,
        () = either(&mut terminate, &mut interrupt) => End::Requested,
        why = node.wait_until_refused() => End::Refused(why),
        why = node.wait_until_failed() => End::Failed(why),
    };
    match end {
        End::Requested => stop(node).await,
        End::Refused(why) => {
            stop(node).await;
            usage(&why)
        }
        End::Failed(why) => {
            say!("cameod: fatal: {why}; check the disk and the log, then start the node again");
            // No orderly stop: the failed part may hang, and the log has everything acknowledged.
            std::process::exit(1)
        }
    }
}

/// The reason why a node ends.
enum End {
    Requested,
    /// Refused by the cluster, or by its own configuration.
    Refused(String),
    Failed(String),
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

/// Prints what the node waits for to stderr, and once its URL to stdout. Never returns.
async fn print_stage(node: &Node) {
    let mut stage = node.stage();
    loop {
        let now = stage.borrow_and_update().clone();
        match now {
            Stage::Waiting(why) => say!("cameod: waiting: {why}"),
            Stage::Failed(why) => say!("cameod: stops: {why}"),
            Stage::Ready(cluster) => {
                println!("{}#{cluster}", node.url());
                break;
            }
        }
        if stage.changed().await.is_err() {
            break;
        }
    }
    std::future::pending().await
}

async fn stop(node: Node) -> ExitCode {
    say!("cameod: stopping");
    match node.stop().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!(
                "cameod: the state could not be written: {error}; the log has everything, and the \
                 next start recovers from it"
            );
            ExitCode::FAILURE
        }
    }
}
