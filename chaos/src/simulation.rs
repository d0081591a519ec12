//! `cameo-chaos sim`: its flags.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::faults::select;
use crate::tally::{self, Build};
use crate::target::sim::{Batch, Settings, simulate, simulate_all};
use crate::workload::Workload;

/// Simulates whole clusters under faults, one process a seed
#[derive(Debug, Args)]
pub struct Arguments {
    /// Seeds, from the first up to the last, which is left out: A..B
    #[arg(long, value_parser = seeds, required_unless_present = "seed")]
    seeds: Option<Range<u64>>,
    /// One seed, in this process
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Simulate each seed in two processes, and compare their files
    #[arg(long, conflicts_with = "seed")]
    twice: bool,
    /// Simulated seconds under faults
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Number of nodes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=9))]
    nodes: u64,
    /// Kinds of faults, by name or group; without it all that the simulator has
    #[arg(long)]
    faults: Option<String>,
    /// Workloads, separated by commas: directory, rights, ledger, dispatch, endings
    #[arg(long, default_value = "all")]
    workload: String,
    /// A file to which each run is added, for `cameo-chaos tally`
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    tally: Option<PathBuf>,
    /// Folder for histories and traces; it must not have those of the same seeds. Without it, what
    /// valid runs leave is removed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write the seeds as A..B")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no seed"));
    Ok(number(from)?..number(to)?)
}

/// Runs the command.
///
/// # Errors
/// When a flag is wrong, or a run is void or its history not valid.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let out = arguments.out.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("cameo-chaos-sim-{}", std::process::id()))
    });
    match (arguments.seed, &arguments.seeds) {
        (Some(seed), _) => one(arguments, seed, out),
        (None, Some(seeds)) => {
            let batch = Batch {
                seeds: seeds.clone(),
                out,
                keeps: arguments.out.is_some(),
                tally: tally(arguments)?,
                twice: arguments.twice,
                arguments: flags(arguments),
            };
            Ok(simulate_all(&batch)?)
        }
        (None, None) => anyhow::bail!("there are no seeds"),
    }
}

/// The file that counts runs, and what all rows of this command have.
fn tally(arguments: &Arguments) -> anyhow::Result<Option<(PathBuf, tally::Row)>> {
    let Some(file) = &arguments.tally else {
        return Ok(None);
    };
    let build = Build::of(&std::env::current_exe()?)?;
    let row = tally::Row {
        nodes: arguments.nodes,
        seconds: arguments.seconds,
        faults: arguments.faults.clone().unwrap_or_else(|| "all".to_owned()),
        workload: arguments.workload.clone(),
        ..tally::Row::new("sim", build, 0)
    };
    Ok(Some((file.clone(), row)))
}

fn one(arguments: &Arguments, seed: u64, out: PathBuf) -> anyhow::Result<()> {
    let workloads = match arguments.workload.as_str() {
        "all" => Workload::CALLS.to_vec(),
        names => names
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?,
    };
    anyhow::ensure!(
        !workloads.contains(&Workload::Journey),
        "the journey needs real processes: use `cameo-chaos run`"
    );
    let faults = arguments.faults.as_deref().map(select).transpose()?;
    let command = format!(
        "cameo-chaos sim --seed {seed} {}",
        flags(arguments).join(" ")
    );
    let settings = Settings {
        seed,
        nodes: arguments.nodes,
        whole: Duration::from_secs(arguments.seconds),
        workloads,
        faults,
        out,
        command,
    };
    let summary = simulate(&settings).with_context(|| format!("seed {seed}"))?;
    println!("{}", serde_json::to_string(&summary)?);
    anyhow::ensure!(summary.is_valid(), "seed {seed}: {}", summary.verdict);
    Ok(())
}

/// What every seed's process is told.
fn flags(arguments: &Arguments) -> Vec<String> {
    let mut flags = vec![
        "--seconds".to_owned(),
        arguments.seconds.to_string(),
        "--nodes".to_owned(),
        arguments.nodes.to_string(),
        "--workload".to_owned(),
        arguments.workload.clone(),
    ];
    if let Some(faults) = &arguments.faults {
        flags.extend(["--faults".to_owned(), faults.clone()]);
    }
    flags
}
