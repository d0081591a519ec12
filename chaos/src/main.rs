//! `cameo-chaos`: judges a cluster from outside.

use std::ffi::OsString;
use std::process::ExitCode;

use cameo_chaos::bench::{codec, peak, placement};
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

#[derive(Debug, Subcommand)]
enum Bench {
    /// Hiding and finding: speed, size, quality, and what simple steganalysis sees.
    Codec(codec::Arguments),
    /// Placement of jobs under a simulation, against an oracle and other policies.
    Placement(placement::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Kill(arguments) => kill(&arguments),
        Verb::Bench(Bench::Codec(arguments)) => ended(codec::run(&arguments)),
        Verb::Bench(Bench::Placement(arguments)) => ended(placement::run(&arguments)),
        Verb::PeakOf { command } => {
            ended(peak::peak_of_child(&command).map(|kib| println!("{kib}")))
        }
    }
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
    let folder = std::env::temp_dir().join(format!("cameo-chaos-{}", std::process::id()));
    if let Err(why) = std::fs::create_dir_all(&folder) {
        eprintln!("cameo-chaos: {} cannot be made: {why}", folder.display());
        return ExitCode::FAILURE;
    }
    match cameo_chaos::kill::run(&folder, nodes, rounds, seed).await {
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
