//! `cameo-chaos`: tests a cluster from outside, under faults.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cameo_chaos::target::real;
use cameo_chaos::{check, decisions, simulation, tally, usage};
use clap::{Parser, Subcommand};

const PROGRAM: &str = "cameo-chaos";

#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    about = "Tests a Cameo cluster from outside, under faults"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs a cluster of real processes under faults, and judges what clients were told
    Run(real::RunArguments),
    /// Such runs with fresh seeds, for hours
    Soak(real::SoakArguments),
    /// Kills, stops and pauses real nodes while users register, and checks that nothing is lost
    Kill(Kill),
    /// Runs image jobs and shares photos while workers are killed, stopped and paused
    Jobs(Jobs),
    /// Simulates whole clusters under faults, one process a seed
    Sim(simulation::Arguments),
    /// Adds up the runs that files of `--tally` have counted
    Tally(tally::Arguments),
    /// Judges the history of a run by all laws; ends with 0 only if it is valid
    Check(check::Arguments),
    /// Checks decision logs of nodes: each job has to be placed by law J2
    Decisions(decisions::Arguments),
    /// Plants every bug in turn, and demands that its law notices it
    #[cfg(feature = "mutants")]
    Selftest(cameo_chaos::mutants::Arguments),
    /// Updates a cluster node by node to a later version of entries, while users register
    #[cfg(feature = "mutants")]
    Upgrade,
}

#[derive(Debug, clap::Args)]
struct Kill {
    /// Number of faults, one after another
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seed of the faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of nodes
    #[arg(long, default_value_t = 3)]
    nodes: u64,
}

#[derive(Debug, clap::Args)]
struct Jobs {
    /// Number of jobs
    #[arg(long, default_value_t = 200)]
    jobs: usize,
    /// Number of photos that are shared in the meantime
    #[arg(long, default_value_t = 5)]
    photos: usize,
    /// Seed of arrivals and faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(3..))]
    nodes: u64,
    /// The photo that is shared
    #[arg(
        long,
        value_name = "FILE",
        default_value = "photos/Picture_1A_by_freespace.jpg"
    )]
    photo: PathBuf,
}

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let arguments: Arguments = match usage::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match arguments.verb {
        Verb::Run(arguments) => real::run_command(&arguments),
        Verb::Soak(arguments) => real::soak_command(&arguments),
        Verb::Kill(arguments) => kill(&arguments),
        Verb::Jobs(arguments) => jobs(&arguments),
        Verb::Sim(arguments) => ended(simulation::run(&arguments)),
        Verb::Tally(arguments) => ended(tally::run(&arguments)),
        Verb::Check(arguments) => check::run(&arguments).unwrap_or_else(|why| {
            usage::failed(PROGRAM, &why);
            // Nothing was judged: 1 would say that a law was broken.
            ExitCode::from(2)
        }),
        Verb::Decisions(arguments) => decisions::run(&arguments).unwrap_or_else(failed),
        #[cfg(feature = "mutants")]
        Verb::Selftest(arguments) => {
            ended(cameo_chaos::mutants::run(&arguments).map_err(anyhow::Error::from))
        }
        #[cfg(feature = "mutants")]
        Verb::Upgrade => upgrade(),
    }
}

fn ended(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why),
    }
}

fn failed(why: anyhow::Error) -> ExitCode {
    usage::failed(PROGRAM, &why);
    ExitCode::FAILURE
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
    let size = cameo_chaos::jobs::RunSize {
        nodes: arguments.nodes,
        jobs: arguments.jobs,
        photos: arguments.photos,
        seed: arguments.seed,
    };
    in_a_folder(size.seed, async |folder| {
        cameo_chaos::jobs::run(folder, &arguments.photo, size).await
    })
    .await
}

#[cfg(feature = "mutants")]
#[tokio::main]
async fn upgrade() -> ExitCode {
    in_a_folder(0, async |folder| cameo_chaos::upgrade::run(folder).await).await
}

/// Prints the result of a run as JSON. The folder is kept when a promise did not hold.
async fn in_a_folder<T: serde::Serialize>(
    seed: u64,
    run: impl AsyncFnOnce(&Path) -> anyhow::Result<T>,
) -> ExitCode {
    let folder = std::env::temp_dir().join(format!("cameo-chaos-{}", std::process::id()));
    if let Err(why) = std::fs::create_dir_all(&folder) {
        eprintln!("cameo-chaos: {} cannot be created: {why}", folder.display());
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
