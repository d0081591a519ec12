//! `cameo-demo`, started by `cameo demo`: the cases for two users, on real processes.
//!
//! The program starts nodes and agents, runs the verbs that a user would type, and judges each case
//! from outside, by the nodes' APIs, the verbs' JSON and the files.

mod cases;
mod reporter;
mod setup;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use cameo_client::cli::demo::Options;
use cameo_client::cli::usage_error;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use reporter::{CaseResult, Reporter};
use setup::Setup;

/// Command line of the demo, the same as that of `cameo demo`.
#[derive(Debug, Parser)]
#[command(name = "cameo-demo", version, about)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Print one JSON document on stdout, with a schema number
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&line) {
        Ok(arguments) => arguments,
        Err(error) => {
            let json = line.iter().any(|word| word == "--json");
            return ExitCode::from(usage_error(&error, json, "cameo-demo") as u8);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let all_passed = runtime.block_on(run(arguments.options, arguments.json));
            runtime.shutdown_background();
            ExitCode::from(u8::from(!all_passed))
        }
        Err(error) => {
            let why = anyhow::anyhow!("no threads can be started: {error}");
            Reporter::new(arguments.json).finish(Err(why));
            ExitCode::FAILURE
        }
    }
}

/// Runs all cases. Returns whether every one of them passed.
async fn run(options: Options, json: bool) -> bool {
    let mut reporter = Reporter::new(json);
    let outcome = tokio::select! {
        outcome = run_cases(&options, &mut reporter) => outcome,
        // Dropping the setup kills its processes and removes its folders.
        () = interrupted() => Err(anyhow::anyhow!("interrupted; all processes are stopped")),
    };
    reporter.finish(outcome)
}

/// Waits for Ctrl-C, SIGTERM, or the end of the terminal.
async fn interrupted() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler, the signal ends the process.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

async fn run_cases(options: &Options, reporter: &mut Reporter) -> anyhow::Result<PathBuf> {
    reporter.title("Setup");
    let mut setup = Setup::start(options, reporter).await?;
    type Case = for<'a> fn(&'a mut Setup, &'a mut Reporter) -> cases::CaseFuture<'a>;
    let all: [(&'static str, &str, Case); 6] = [
        (
            "request",
            "ben asks ada for a photo and opens it",
            cases::request,
        ),
        ("exhausted", "ben uses all views", cases::exhausted),
        (
            "update-online",
            "ada permits more views while ben is online",
            cases::update_online,
        ),
        (
            "offline-detected",
            "ben goes offline without notice, which is detected",
            cases::offline_detected,
        ),
        (
            "update-offline",
            "ada permits more views while ben is offline",
            cases::update_offline,
        ),
        (
            "node-killed",
            "the leader is killed during a request",
            cases::node_killed,
        ),
    ];
    for (name, title, case) in all {
        reporter.title(title);
        let started = Instant::now();
        let outcome = case(&mut setup, reporter).await;
        let seconds = started.elapsed().as_secs_f64();
        let failed = outcome.as_ref().err().map(|why| format!("{why:#}"));
        let outcome = outcome.unwrap_or_default();
        reporter.case(CaseResult {
            name,
            ok: failed.is_none(),
            seconds,
            leader: outcome.leader,
            worker: outcome.worker,
            failed,
        });
    }
    setup
        .close()
        .await
        .context("the processes did not stop cleanly")
}
