//! `cameo-bench`: benchmarks of Cameo and its peers.

use std::ffi::OsString;
use std::process::ExitCode;

use cameo_bench::interrupted::{Interrupted, undone_when_interrupted};
use cameo_bench::{
    codec, core, dispatch, failover, growth, peak_memory, placement, rolling, sessions,
};
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
    /// How long writes stop when the leader is killed or stopped, compared with etcd.
    Failover(failover::Arguments),
    /// Rates, sizes, snapshots and restarts as the number of people and shared photos grows.
    Growth(growth::Arguments),
    /// Placement of jobs in a simulation, compared with an oracle and baselines.
    Placement(placement::Arguments),
    /// Requests that fail while all nodes are restarted, and replaced, one after another.
    Rolling(rolling::Arguments),
    /// What sessions that nobody begins or ends cost the nodes: entries, CPU and memory.
    Sessions(sessions::Arguments),
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
        Benchmark::Failover(arguments) => failover(&arguments),
        Benchmark::Growth(arguments) => growth(&arguments),
        Benchmark::Placement(arguments) => placement::run(&arguments),
        Benchmark::Rolling(arguments) => rolling(&arguments),
        Benchmark::Sessions(arguments) => sessions(&arguments),
        Benchmark::PeakOf { command } => {
            peak_memory::peak_of_child(&command).map(|kib| println!("{kib}"))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            cameo_chaos::usage::failed("cameo-bench", &why);
            let interrupted = why.downcast_ref::<Interrupted>();
            interrupted.map_or(ExitCode::FAILURE, |by| by.exit_code())
        }
    }
}

/// On one thread: two cores are the servers', too.
#[tokio::main(flavor = "current_thread")]
async fn core(arguments: &core::Arguments) -> anyhow::Result<()> {
    undone_when_interrupted(core::run(arguments)).await
}

/// On one thread, too: no client begins a write while a signal is sent.
#[tokio::main(flavor = "current_thread")]
async fn failover(arguments: &failover::Arguments) -> anyhow::Result<()> {
    undone_when_interrupted(failover::run(arguments)).await
}

/// On one thread: the other core is the servers'.
#[tokio::main(flavor = "current_thread")]
async fn growth(arguments: &growth::Arguments) -> anyhow::Result<()> {
    undone_when_interrupted(growth::run(arguments)).await
}

/// On one thread, too.
#[tokio::main(flavor = "current_thread")]
async fn rolling(arguments: &rolling::Arguments) -> anyhow::Result<()> {
    undone_when_interrupted(rolling::run(arguments)).await
}

/// On one thread, too: it holds connections that are idle most of the time.
#[tokio::main(flavor = "current_thread")]
async fn sessions(arguments: &sessions::Arguments) -> anyhow::Result<()> {
    undone_when_interrupted(sessions::run(arguments)).await
}

#[tokio::main]
async fn dispatch(arguments: &dispatch::Arguments) -> anyhow::Result<()> {
    undone_when_interrupted(dispatch::run(arguments)).await
}
