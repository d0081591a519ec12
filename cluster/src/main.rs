//! `cameod`: runs a node, creates a cluster secret, carries an order of the operator to the
//! cluster, takes a backup, asks for the cluster's status, or checks a folder.

#[path = "main/verbs.rs"]
mod verbs;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cameo_cluster::backup;
use cameo_cluster::config::{
    CommandLine, Config, Layers, MemberFlags, MemberVerb, ReadError, Reload, RunFlags, Verb,
};
use cameo_cluster::host::clock::{SystemClock, WallClock as _};
use cameo_cluster::host::log::{self, Level, LogFormat};
use cameo_cluster::node::secret_file::{self, SecretFileError};
use cameo_cluster::node::{Node, Stage};
use cameo_cluster::operator::member::{self, MemberChange};
use cameo_cluster::operator::{self, Output, key_file::KeyFileError};
use cameo_cluster::raft::RAFT_THREAD;
use cameo_common::terminal::{unwritten, usage_sentence};
use clap::CommandFactory as _;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code for flags, files and ports that cannot be used.
pub const EXIT_USAGE: u8 = 2;

/// With glibc's allocator a debit at 64 clients costs 15 to 25 % more CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads of the API; Raft and the jobs have their own.
const API_THREADS: usize = 2;

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let layers = match Layers::read(&arguments, environment) {
        Ok(layers) => layers,
        Err(ReadError::CommandLine(error)) => return command_line(&error, wants_json(&arguments)),
        Err(error) => return usage(&error),
    };
    match layers.run().cloned() {
        Some(flags) => {
            let code = run(arguments, layers, flags);
            log::flush();
            code
        }
        None => match layers.into_line().verb {
            Some(verb) => run_verb(verb, wants_json(&arguments)),
            None => command_line(
                &CommandLine::command().error(
                    clap::error::ErrorKind::MissingRequiredArgument,
                    "a node needs --id, --data, --peers, --http and --secret",
                ),
                wants_json(&arguments),
            ),
        },
    }
}

fn environment(variable: &str) -> Option<OsString> {
    std::env::var_os(variable)
}

/// Only commands that answer with a document have this flag.
fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--json")
}

/// Prints help, the version, or what is wrong with the command line; the latter as a document too
/// where one is asked for.
fn command_line(error: &clap::Error, json: bool) -> ExitCode {
    if error.use_stderr() && json {
        return verbs::fail(true, &usage_sentence(&error.to_string(), "cameod"));
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE);
    verbs::ended(error.print(), code)
}

fn run_verb(verb: Verb, json: bool) -> ExitCode {
    let filter = environment("CAMEO_LOG").filter(|filter| !filter.is_empty());
    let filter = filter.as_deref().map(OsStr::to_string_lossy);
    let filter = filter.as_deref().unwrap_or(log::DEFAULT_FILTER);
    if let Err(error) = log::start(LogFormat::Text, filter) {
        return verbs::fail(json, &format_args!("CAMEO_LOG: {error}"));
    }
    match verb {
        Verb::Secret { file, passphrase } => match create_secret(&file, passphrase) {
            Ok(operator) => {
                let (file, operator) = (file.display(), operator.display());
                tell(&format_args!(
                    "wrote a new secret to {file}: copy it to every node"
                ));
                tell(&format_args!(
                    "wrote the operator's key to {operator}: keep it off the nodes, with a backup"
                ));
                ExitCode::SUCCESS
            }
            Err(error) => usage(&error),
        },
        Verb::Backup(flags) => verbs::backup(flags),
        Verb::Restore(flags) => verbs::restore(&flags),
        Verb::ApproveRestore(flags) => match verbs::approve_restore(flags) {
            Ok(note) => {
                tell(&note);
                ExitCode::SUCCESS
            }
            Err(failed) => failed,
        },
        Verb::Check(flags) if backup::is_backup(&flags.folder) => verbs::check_backup(&flags),
        Verb::Check(flags) => verbs::check(&flags),
        Verb::Status(flags) => verbs::status(flags),
        Verb::Remove(flags) => order(flags.into_order()),
        Verb::Member(flags) => member_verb(flags),
        Verb::Token(flags) => match flags.check() {
            Ok((key, token)) => {
                let now = SystemClock.unix_millis();
                report(operator::sign_token(&key, token, now))
            }
            Err(error) => usage(&error),
        },
        Verb::Registration(flags) => order(flags.into_order()),
        Verb::Invite(flags) => order(flags.into_order()),
        Verb::Retire(flags) => order(flags.into_order()),
    }
}

fn create_secret(file: &Path, sealed: bool) -> Result<PathBuf, SecretFileError> {
    let passphrase = match sealed {
        true => Some(operator::passphrase::choose().map_err(KeyFileError::from)?),
        false => None,
    };
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
    secret_file::create(file, passphrase)
}

/// Aborts the process when a Raft thread panics, which is a bug. openraft's core would be gone, and
/// its callers would wait forever. As after a failed sync, the log has everything acknowledged.
fn abort_when_consensus_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        match log::format() {
            LogFormat::Text => report(panic),
            LogFormat::Json => log::tell(Level::Error, panic),
        }
        let thread = std::thread::current();
        if thread
            .name()
            .is_some_and(|name| name.starts_with(RAFT_THREAD))
        {
            log::tell(
                Level::Error,
                "fatal: consensus has failed; keep this output, and start the node again",
            );
            log::flush();
            std::process::abort();
        }
    }));
}

fn usage(error: &dyn std::fmt::Display) -> ExitCode {
    log::tell(Level::Error, error);
    ExitCode::from(EXIT_USAGE)
}

/// Writes a line that tells of no fault.
fn tell(line: &dyn std::fmt::Display) {
    log::tell(Level::Info, line);
}

/// Runs a node: its log first, so that everything after it has the form that was asked for.
fn run(arguments: Vec<OsString>, layers: Layers, flags: RunFlags) -> ExitCode {
    // Nothing that a node creates is for others, also what sled creates.
    let _before = umask(Mode::RWXG | Mode::RWXO);
    let filter = flags.log_filter().unwrap_or(log::DEFAULT_FILTER);
    let handle = match log::start(flags.log_format(), filter) {
        Ok(handle) => handle,
        Err(error) => return usage(&error),
    };
    if let Err(error) = log::write_beside() {
        return usage(&error);
    }
    abort_when_consensus_panics();
    let config = match flags.check() {
        Ok(config) => config,
        Err(error) => return usage(&layers.explain(&error)),
    };
    #[cfg(feature = "baselines")]
    if let Some(warning) = config.baseline.warning() {
        log::tell(Level::Warn, format_args!("warning: {warning}"));
    }
    let reload = Reload::new(arguments, environment, layers, handle);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(API_THREADS)
        .thread_name("cameod-api")
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run_node(config, reload)),
        Err(error) => usage(&error),
    }
}

fn member_verb(MemberFlags { verb }: MemberFlags) -> ExitCode {
    let (change, flags) = match verb {
        MemberVerb::List { cluster, json } => return verbs::members(cluster, json),
        MemberVerb::Add {
            id,
            token,
            peers,
            minutes,
            change,
        } => {
            let order = match change.addition(id, token, &peers, minutes) {
                Ok(order) => order,
                Err(error) => return usage(&error),
            };
            return match verbs::carried_out(async |tell| member::add(order, tell).await) {
                Ok(ran) => report(ran),
                Err(error) => usage(&error),
            };
        }
        MemberVerb::Promote { id, change } => (MemberChange::Promote(id), change),
        MemberVerb::Remove { id, change } => (MemberChange::Remove(id), change),
        MemberVerb::Replace { old, new, change } => (MemberChange::Replace { old, new }, change),
    };
    let order = flags.order(change);
    match verbs::carried_out(async |tell| member::change(order, tell).await) {
        Ok(ran) => report(ran),
        Err(error) => usage(&error),
    }
}

fn order(order: operator::Order) -> ExitCode {
    match verbs::carried_out(async |tell| operator::run(order, tell).await) {
        Ok(ran) => report(ran),
        Err(error) => usage(&error),
    }
}

/// Prints the result of a verb.
fn report(ran: Result<operator::Report, operator::VerbError>) -> ExitCode {
    match ran {
        Ok(report) => {
            tell(&report.note);
            match report.output {
                Some(Output { text, if_lost }) => verbs::print_once(&text, if_lost),
                None => ExitCode::SUCCESS,
            }
        }
        Err(error) => {
            log::tell(Level::Error, &error);
            ExitCode::from(operator::Exit::from(&error) as u8)
        }
    }
}

/// Runs a node from start to stop.
async fn run_node(config: Config, reload: Reload) -> ExitCode {
    let signals = signal(SignalKind::terminate()).and_then(|terminate| {
        let interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        Ok((terminate, interrupt, hangup))
    });
    let (mut terminate, mut interrupt, hangup) = match signals {
        Ok(signals) => signals,
        Err(error) => return usage(&error),
    };
    tokio::spawn(reload_at_each(hangup, reload));
    let mut is_again = false;
    loop {
        let node = tokio::select! {
            started = Node::start(config.clone()) => match started {
                Ok(node) => node,
                Err(error) => return usage(&error),
            },
            () = either(&mut terminate, &mut interrupt) => return ExitCode::SUCCESS,
        };
        match end(&node, is_again, &mut terminate, &mut interrupt).await {
            End::Promoted => {
                is_again = true;
                tell(&"this worker is a voter now, and starts again as one");
                if let Err(failed) = stopped(node).await {
                    return failed;
                }
            }
            end => return ended(node, end).await,
        }
    }
}

/// Waits until a node has to end.
async fn end(node: &Node, is_again: bool, terminate: &mut Signal, interrupt: &mut Signal) -> End {
    tokio::select! {
        () = print_stage(node, is_again) => End::Requested,
        () = either(terminate, interrupt) => End::Requested,
        () = node.wait_until_promoted() => End::Promoted,
        why = node.wait_until_refused() => End::Refused(why),
        why = node.wait_until_failed() => End::Failed(why),
    }
}

/// Ends a node.
async fn ended(node: Node, end: End) -> ExitCode {
    match end {
        End::Requested | End::Promoted => stop(node).await,
        End::Refused(why) => {
            stop(node).await;
            usage(&why)
        }
        End::Failed(why) => {
            let next = "check the disk and the log, then start the node again";
            log::tell(Level::Error, format_args!("fatal: {why}; {next}"));
            // No orderly stop: the failed part may hang, and the log has everything acknowledged.
            log::flush();
            std::process::exit(1)
        }
    }
}

/// Reads the configuration again at each signal.
async fn reload_at_each(mut hangup: Signal, mut reload: Reload) {
    while hangup.recv().await.is_some() {
        let (level, line) = tokio::task::block_in_place(|| reload.run());
        log::tell(level, line);
    }
}

/// The reason why a node ends.
enum End {
    Requested,
    /// A worker has become a voter.
    Promoted,
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

/// Prints what the node waits for to stderr, and its URL to stdout, unless it has started again in
/// this process. Never returns.
async fn print_stage(node: &Node, is_again: bool) {
    let mut stage = node.stage();
    loop {
        let now = stage.borrow_and_update().clone();
        match now {
            Stage::Waiting(why) => tell(&format_args!("waiting: {why}")),
            Stage::Failed(why) => {
                log::tell(Level::Error, format_args!("stops: {why}"));
            }
            Stage::Ready(_) if is_again => {
                tell(&"serves the cluster as a voter");
                break;
            }
            Stage::Ready(cluster) => {
                let line = format!("{}#{cluster}", node.url());
                if let Err(error) = verbs::write_line(&line) {
                    let what = unwritten(&error);
                    log::tell(Level::Warn, format_args!("{what}; it is: {line}"));
                }
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
    tell(&"stopping");
    stopped(node).await.err().unwrap_or(ExitCode::SUCCESS)
}

/// Stops in order; the exit code if the state could not be written.
async fn stopped(node: Node) -> Result<(), ExitCode> {
    match node.stop().await {
        Ok(()) => Ok(()),
        Err(error) => {
            log::tell(
                Level::Error,
                format_args!(
                    "the state could not be written: {error}; the log has everything, and the \
                     next start recovers from it"
                ),
            );
            Err(ExitCode::FAILURE)
        }
    }
}
