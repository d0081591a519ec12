//! `cameo-bench`: benchmarks of Cameo and its peers.

use std::ffi::OsString;
use std::process::ExitCode;

use cameo_bench::{codec, core, dispatch, peak_memory, placement};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cameo-bench",
    version,
    about = "Benchmarks of Cameo, with comparisons to other programs where there are any"
)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Hiding and revealing: speed, size, quality, and what simple steganalysis detects.
    Codec(codec::Arguments),
    /// Writes, debits, look-ups and views on real nodes, compared with etcd.
    Core(core::Arguments),
    /// Placement of jobs on real nodes under CPU quotas, compared with an oracle and baselines.
    Dispatch(dispatch::Arguments),
    /// Placement of jobs in a simulation, compared with an oracle and baselines.
    Placement(placement::Arguments),
    /// Runs a program and prints its peak memory in KiB.
    #[command(name = peak_memory::VERB, hide = true)]
    PeakOf {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let arguments: Arguments = match cameo_chaos::usage::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = match arguments.benchmark {
        Benchmark::Codec(arguments) => codec::run(&arguments),
        Benchmark::Core(arguments) => core(&arguments),
        Benchmark::Dispatch(arguments) => dispatch(&arguments),
        Benchmark::Placement(arguments) => placement::run(&arguments),
        Benchmark::PeakOf { command } => {
            peak_memory::peak_of_child(&command).map(|kib| println!("{kib}"))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            cameo_chaos::usage::failed("cameo-bench", &why);
            ExitCode::FAILURE
        }
    }
}

/// On one thread: two cores are the servers', too.
#[tokio::main(flavor = "current_thread")]
async fn core(arguments: &core::Arguments) -> anyhow::Result<()> {
    core::run(arguments).await
}

#[tokio::main]
async fn dispatch(arguments: &dispatch::Arguments) -> anyhow::Result<()> {
    dispatch::run(arguments).await
}
