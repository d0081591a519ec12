//! The commands `run` and `soak`: runs, judged and summed up.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::network::NetworkBy;
use super::owner::sweep;
use super::run::{Options, Outcome, run};
use crate::decisions;
use crate::faults::select;
use crate::laws;
use crate::tally::{self, Build, Counts, Total};
use crate::verdict::{Judged, Outcome as Verdict};
use crate::workload::Workload;

/// Longest time of the judgement of one run.
const JUDGED_WITHIN: Duration = Duration::from_secs(60);
/// The exit code of a run that showed too little.
const INCONCLUSIVE: u8 = 4;
/// Seeds of a soak after the first are this far apart.
const NEXT_SEED: u64 = 1;

/// How runs are made.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Number of nodes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=9))]
    nodes: u64,
    /// Seconds of one run
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    seconds: u64,
    /// all, none, network, partition, clock, disk, or kinds such as kill,pause,isolate
    #[arg(long, default_value = "all", value_name = "KINDS")]
    faults: String,
    /// What carries the links between nodes, and the faults of the network
    #[arg(long, value_enum, default_value_t)]
    network: NetworkBy,
    /// all, or some of directory,rights,ledger,dispatch,endings,journey
    #[arg(long, default_value = "all", value_name = "PARTS")]
    workload: String,
    /// The node's program; by default the `cameod` beside this program
    #[arg(long, value_name = "FILE")]
    cameod: Option<PathBuf>,
    /// The client's program; by default the `cameo` beside this program
    #[arg(long, value_name = "FILE")]
    cameo: Option<PathBuf>,
    /// Another build of the node, for rolling restarts
    #[arg(long, value_name = "FILE")]
    other_build: Option<PathBuf>,
    /// A fault that cannot be had on this machine fails the run
    #[arg(long)]
    no_skips: bool,
    /// A file to which each run is added, for `cameo-chaos tally`
    #[arg(long, value_name = "FILE")]
    tally: Option<PathBuf>,
}

/// The arguments of `run`.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArguments {
    #[command(flatten)]
    settings: Settings,
    /// Seed of faults and clients
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// New folder for the history, the logs and the nodes' data
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The arguments of `soak`.
#[derive(Debug, Clone, clap::Args)]
pub struct SoakArguments {
    #[command(flatten)]
    settings: Settings,
    /// Hours, of which the last run may be the last part
    #[arg(long)]
    hours: f64,
    /// Seed of the first run; by default the time of day
    #[arg(long)]
    seed: Option<u64>,
    /// New folder; each run has a folder in it, which is kept if the run is not valid
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// One run. Success only when it was valid.
#[must_use]
pub fn run_command(arguments: &RunArguments) -> ExitCode {
    undone_when_interrupted(async {
        let RunArguments {
            settings,
            seed,
            out,
        } = arguments;
        Ok(judged_run(settings, *seed, out).await?.exit_code())
    })
}

/// Runs with fresh seeds until the time is over or one is invalid or unknown. An inconclusive one
/// is told at the end.
#[must_use]
pub fn soak_command(arguments: &SoakArguments) -> ExitCode {
    undone_when_interrupted(soak(arguments))
}

async fn soak(arguments: &SoakArguments) -> anyhow::Result<u8> {
    let end = Instant::now() + Duration::try_from_secs_f64(arguments.hours * 3600.0)?;
    let first = arguments.seed.unwrap_or_else(super::port::unix_now);
    let mut total = Total::default();
    let mut seed = first;
    let mut inconclusive = Vec::new();
    while Instant::now() < end {
        let out = arguments.out.join(format!("seed-{seed}"));
        let judged = judged_run(&arguments.settings, seed, &out).await?;
        total.add(&judged.counts);
        match judged.exit_code() {
            0 => std::fs::remove_dir_all(&out)?,
            code if code == INCONCLUSIVE => inconclusive.push(seed),
            code => {
                println!(
                    "soak: seed {seed} of {first}.. is not valid: {}",
                    out.display()
                );
                return Ok(code);
            }
        }
        eprint!("soak: {total}\n{}", total.counts.table());
        seed = seed.wrapping_add(NEXT_SEED);
    }
    if inconclusive.is_empty() {
        println!("soak: valid; seeds {first}..{seed}; {total}");
        return Ok(0);
    }
    println!(
        "soak: nothing invalid; inconclusive: {inconclusive:?}; seeds {first}..{seed}; {total}"
    );
    Ok(INCONCLUSIVE)
}

/// Ends at once on SIGINT and SIGTERM; everything that was made is undone by dropping it.
fn undone_when_interrupted(what: impl Future<Output = anyhow::Result<u8>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                done = what => done,
                _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted; all is undone"),
                _ = terminate.recv() => anyhow::bail!("terminated; all is undone"),
            }
        })
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("cameo-chaos: {why:#}");
            ExitCode::FAILURE
        }
    }
}

/// A run with its verdict.
struct JudgedRun {
    outcome: Outcome,
    judged: Judged,
    counts: Counts,
    skips_fail: bool,
}

impl JudgedRun {
    fn exit_code(&self) -> u8 {
        let skips = self.skips_fail && !self.outcome.skipped.is_empty();
        if !self.outcome.problems.is_empty() || skips {
            return 1;
        }
        self.judged.outcome().exit_code()
    }

    fn verdict(&self) -> &'static str {
        match self.judged.outcome() {
            invalid @ Verdict::Invalid { .. } => invalid.name(),
            _ if !self.outcome.problems.is_empty() => "invalid (problems)",
            _ if self.exit_code() == 1 => "invalid (skips)",
            verdict => verdict.name(),
        }
    }
}

async fn judged_run(settings: &Settings, seed: u64, out: &Path) -> anyhow::Result<JudgedRun> {
    let swept = sweep();
    if swept != super::Swept::default() {
        eprintln!("swept what an earlier run left: {swept:?}");
    }
    let options = options(settings, seed, out)?;
    eprintln!(
        "seed {seed}: {} nodes, {} s",
        options.nodes, settings.seconds
    );
    let outcome = match run(&options).await {
        Ok(outcome) => outcome,
        Err(why) => {
            if let Some(file) = &settings.tally {
                tally::append(
                    file,
                    &row(settings, &options, tally::VOID, Counts::default())?,
                )?;
            }
            return Err(why);
        }
    };
    let mut judged = laws::judge(&outcome.history, JUDGED_WITHIN);
    decisions::add_to(&mut judged, &outcome.history, out)?;
    let judged = JudgedRun {
        counts: Counts::of(&outcome.history),
        outcome,
        judged,
        skips_fail: settings.no_skips,
    };
    print(&judged, seed);
    if let Some(file) = &settings.tally {
        let row = row(settings, &options, judged.verdict(), judged.counts.clone())?;
        tally::append(file, &row)?;
    }
    Ok(judged)
}

fn row(
    settings: &Settings,
    options: &Options,
    verdict: &str,
    counts: Counts,
) -> anyhow::Result<tally::Row> {
    let build = Build::of(&options.program)?;
    Ok(tally::Row {
        nodes: options.nodes,
        seconds: settings.seconds,
        faults: settings.faults.clone(),
        workload: settings.workload.clone(),
        verdict: verdict.to_owned(),
        counts,
        ..tally::Row::new("real", build, options.seed)
    })
}

fn options(settings: &Settings, seed: u64, out: &Path) -> anyhow::Result<Options> {
    let kinds = select(&settings.faults)?;
    let workloads = match settings.workload.as_str() {
        "all" => Workload::ALL.to_vec(),
        named => named.split(',').map(str::parse).collect::<Result<_, _>>()?,
    };
    let program = match &settings.cameod {
        Some(program) => program.clone(),
        None => beside_this("cameod")?,
    };
    let client = match &settings.cameo {
        Some(client) => Some(client.clone()),
        None if workloads.contains(&Workload::Journey) => Some(beside_this("cameo")?),
        None => None,
    };
    let absolute = |path: &PathBuf| {
        path.canonicalize()
            .with_context(|| path.display().to_string())
    };
    Ok(Options {
        nodes: settings.nodes,
        lasts: Duration::from_secs(settings.seconds),
        seed,
        kinds,
        network: settings.network,
        workloads,
        out: out.to_owned(),
        program: absolute(&program)?,
        client,
        other_build: settings.other_build.as_ref().map(absolute).transpose()?,
        command: format!(
            "cameo-chaos run --nodes {} --seconds {} --seed {seed} --faults {} --network {} \
             --workload {} --out DIR",
            settings.nodes,
            settings.seconds,
            settings.faults,
            settings.network.name(),
            settings.workload
        ),
    })
}

fn beside_this(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        path.is_file(),
        "there is no {}: build it with `cargo build --bin {name}`, or give --{name} FILE",
        path.display()
    );
    Ok(path)
}

fn print(run: &JudgedRun, seed: u64) {
    let Outcome {
        history,
        file,
        skipped,
        network,
        problems,
    } = &run.outcome;
    eprint!("{}{}", run.judged.text(history), run.counts.table());
    for (kind, why) in skipped {
        eprintln!("skipped {kind}: {why}");
    }
    for problem in problems {
        eprintln!("problem: {problem}");
    }
    let skipped: Vec<_> = skipped.iter().map(|(kind, _)| kind.name()).collect();
    let skipped = match skipped.as_slice() {
        [] => "nothing skipped".to_owned(),
        kinds => format!("skipped: {}", kinds.join(", ")),
    };
    println!(
        "seed {seed}: {}; {}; network: {network}; {skipped}; {} problems; {}",
        run.verdict(),
        run.counts,
        problems.len(),
        file.display()
    );
}
