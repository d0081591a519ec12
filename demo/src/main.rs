//! `cameo-demo`, which `cameo demo` starts: the cases of the design, as two people would see them, on real processes.
//!
//! It starts nodes and agents, runs the verbs that a person would type, and judges each case from
//! outside: by what the nodes' APIs, the verbs' JSON and the files say.

mod cases;
mod stage;
mod tell;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use cameo_client::cli::demo::Options;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;
use tell::{CaseResult, Teller};

/// The demo's own command line: that of `cameo demo`, which starts this program.
#[derive(Debug, Parser)]
#[command(name = "cameo-demo", version, about)]
struct Line {
    #[command(flatten)]
    options: Options,
    /// Print one JSON document on stdout, with a schema number.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let line = Line::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let all_held = runtime.block_on(run(line.options, line.json));
            runtime.shutdown_background();
            ExitCode::from(u8::from(!all_held))
        }
        Err(error) => {
            eprintln!("cameo demo: no threads can be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all cases; success only when every one of them held.
async fn run(options: Options, json: bool) -> bool {
    let mut teller = Teller::new(json);
    let outcome = tokio::select! {
        outcome = play(&options, &mut teller) => outcome,
        // Dropping the stage kills what it started and removes its folders.
        () = interrupted() => Err(anyhow::anyhow!("interrupted; all processes are stopped")),
    };
    teller.finish(outcome)
}

/// Ctrl-C, a polite kill, or a terminal that was closed.
async fn interrupted() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler the signal ends the process, as it always did.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

async fn play(options: &Options, teller: &mut Teller) -> anyhow::Result<PathBuf> {
    teller.title("Getting ready");
    let mut stage = Stage::set(options, teller).await?;
    type Case = for<'a> fn(&'a mut Stage, &'a mut Teller) -> cases::Playing<'a>;
    let all: [(&'static str, &str, Case); 6] = [
        (
            "request",
            "ben asks ada for a photo and opens it",
            cases::request,
        ),
        ("exhausted", "ben uses up his views", cases::exhausted),
        (
            "update-online",
            "ada gives ben more, while he is online",
            cases::update_online,
        ),
        (
            "offline-detected",
            "ben vanishes, and ada's side notices",
            cases::offline_detected,
        ),
        (
            "update-offline",
            "ada gives ben more, while he is offline",
            cases::update_offline,
        ),
        (
            "node-killed",
            "the leader is killed in the middle of a request",
            cases::node_killed,
        ),
    ];
    for (name, title, case) in all {
        teller.title(title);
        let started = Instant::now();
        let played = case(&mut stage, teller).await;
        let seconds = started.elapsed().as_secs_f64();
        let failed = played.as_ref().err().map(|why| format!("{why:#}"));
        let played = played.unwrap_or_default();
        teller.case(CaseResult {
            name,
            ok: failed.is_none(),
            seconds,
            leader: played.leader,
            worker: played.worker,
            failed,
        });
    }
    stage
        .close()
        .await
        .context("the processes did not stop cleanly")
}
