//! `cameo-chaos`: judges a cluster from outside.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cameo_chaos::bench::{codec, dispatch, peak, placement};
use cameo_chaos::check;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cameo-chaos",
    version,
    about = "Judges a Cameo cluster from outside"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Kills, stops and pauses real nodes while users register, and checks that nothing is lost.
    Kill(Kill),
    /// Has image jobs done, and photos shared, while workers are killed, stopped and paused.
    Jobs(Jobs),
    /// Checks decision logs of nodes: was each job placed as it should be (law J2)?
    Check(check::Arguments),
    /// Measures, against others where there are others.
    #[command(subcommand)]
    Bench(Bench),
    /// Runs a program and prints the peak of its memory in KiB.
    #[command(name = peak::VERB, hide = true)]
    PeakOf {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Debug, clap::Args)]
struct Kill {
    /// How many faults, one after another.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The plan follows from it alone.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many nodes.
    #[arg(long, default_value_t = 3)]
    nodes: u64,
}

#[derive(Debug, clap::Args)]
struct Jobs {
    /// How many jobs.
    #[arg(long, default_value_t = 200)]
    jobs: usize,
    /// How many photos are shared meanwhile.
    #[arg(long, default_value_t = 5)]
    photos: usize,
    /// Arrivals and faults follow from it alone.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(3..))]
    nodes: u64,
    /// The photo that is shared.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "photos/Picture_1A_by_freespace.jpg"
    )]
    photo: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Hiding and finding: speed, size, quality, and what simple steganalysis sees.
    Codec(codec::Arguments),
    /// Placing jobs on real nodes under CPU quotas, beside an oracle and other policies.
    Dispatch(dispatch::Arguments),
    /// Placement of jobs under a simulation, against an oracle and other policies.
    Placement(placement::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Kill(arguments) => kill(&arguments),
        Verb::Jobs(arguments) => jobs(&arguments),
        Verb::Check(arguments) => ended(check::run(&arguments)),
        Verb::Bench(Bench::Codec(arguments)) => ended(codec::run(&arguments)),
        Verb::Bench(Bench::Dispatch(arguments)) => ended(bench_dispatch(&arguments)),
        Verb::Bench(Bench::Placement(arguments)) => ended(placement::run(&arguments)),
        Verb::PeakOf { command } => {
            ended(peak::peak_of_child(&command).map(|kib| println!("{kib}")))
        }
    }
}

#[tokio::main]
async fn bench_dispatch(arguments: &dispatch::Arguments) -> anyhow::Result<()> {
    dispatch::run(arguments).await
}

fn ended(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("cameo-chaos: {why:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn kill(arguments: &Kill) -> ExitCode {
    let &Kill {
        rounds,
        seed,
        nodes,
    } = arguments;
    in_a_folder(seed, async |folder| {
        cameo_chaos::kill::run(folder, nodes, rounds, seed).await
    })
    .await
}

#[tokio::main]
async fn jobs(arguments: &Jobs) -> ExitCode {
    let extent = cameo_chaos::jobs::Extent {
        nodes: arguments.nodes,
        jobs: arguments.jobs,
        photos: arguments.photos,
        seed: arguments.seed,
    };
    in_a_folder(extent.seed, async |folder| {
        cameo_chaos::jobs::run(folder, &arguments.photo, extent).await
    })
    .await
}

/// Prints what came of a run as JSON. The folder is kept when a promise did not hold.
async fn in_a_folder<T: serde::Serialize>(
    seed: u64,
    run: impl AsyncFnOnce(&Path) -> anyhow::Result<T>,
) -> ExitCode {
    let folder = std::env::temp_dir().join(format!("cameo-chaos-{}", std::process::id()));
    if let Err(why) = std::fs::create_dir_all(&folder) {
        eprintln!("cameo-chaos: {} cannot be made: {why}", folder.display());
        return ExitCode::FAILURE;
    }
    match run(&folder).await {
        Ok(summary) => {
            println!("{}", serde_json::json!(summary));
            drop(std::fs::remove_dir_all(&folder));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!(
                "cameo-chaos: seed {seed}: {why:#}\nlogs are kept in {}",
                folder.display()
            );
            ExitCode::FAILURE
        }
    }
}
