//! `cameo demo`: the cases of the design, as two people would see them, on real processes.
//!
//! It starts nodes and agents, runs the verbs that a person would type, and judges each case from
//! outside: by what the nodes' APIs, the verbs' JSON and the files say.

mod cases;
mod stage;
mod tell;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::exit::Exit;
use stage::Stage;
use tell::{CaseResult, Teller};

/// What the demo can be told.
#[derive(Debug, Args)]
pub struct Options {
    /// The photo to share: any picture. Without it, a 16 MP one that comes with Cameo.
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    /// How many nodes to start: 3 or 5.
    #[arg(long, default_value_t = 3, value_parser = three_or_five)]
    nodes: u64,
    /// Keep everything (nodes' disks, homes, logs) in this folder, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn three_or_five(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(nodes @ (3 | 5)) => Ok(nodes),
        _ => Err(
            "3 or 5 is needed: an even number survives no more failures than the odd one below it"
                .to_owned(),
        ),
    }
}

/// Plays all cases; success only when every one of them held.
pub async fn run(options: Options, json: bool) -> Exit {
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
