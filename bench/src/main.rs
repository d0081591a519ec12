//! `cameo-bench`: measures Cameo, against others where there are others.

use std::ffi::OsString;
use std::process::ExitCode;

use cameo_bench::{codec, dispatch, peak, placement};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cameo-bench",
    version,
    about = "Measures Cameo, against others where there are others"
)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Hiding and finding: speed, size, quality, and what simple steganalysis sees.
    Codec(codec::Arguments),
    /// Placing jobs on real nodes under CPU quotas, beside an oracle and other policies.
    Dispatch(dispatch::Arguments),
    /// Placement of jobs under a simulation, against an oracle and other policies.
    Placement(placement::Arguments),
    /// Runs a program and prints the peak of its memory in KiB.
    #[command(name = peak::VERB, hide = true)]
    PeakOf {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().benchmark {
        Benchmark::Codec(arguments) => codec::run(&arguments),
        Benchmark::Dispatch(arguments) => dispatch(&arguments),
        Benchmark::Placement(arguments) => placement::run(&arguments),
        Benchmark::PeakOf { command } => peak::peak_of_child(&command).map(|kib| println!("{kib}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("cameo-bench: {why:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn dispatch(arguments: &dispatch::Arguments) -> anyhow::Result<()> {
    dispatch::run(arguments).await
}
