//! Many seeds: a process each, two at a time.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::summary::{Strikes, Summary};

/// Processes at a time.
const AT_A_TIME: usize = 2;

/// Seeds, and what each process is told.
#[derive(Debug, Clone)]
pub struct Batch {
    pub seeds: Range<u64>,
    /// Each seed has a folder in it.
    pub out: PathBuf,
    /// Each seed is simulated in two processes, whose files are compared.
    pub twice: bool,
    /// Arguments after `sim --seed N --out DIR`.
    pub arguments: Vec<String>,
}

/// Seeds whose runs are void.
#[derive(Debug, thiserror::Error)]
pub enum BatchFailed {
    #[error("cannot start a simulation: {0}")]
    Start(#[from] std::io::Error),
    #[error("seeds failed: {0:?}")]
    Seeds(Vec<u64>),
}

struct Running {
    seed: u64,
    /// The second time.
    again: bool,
    process: Child,
}

/// Simulates all seeds, with a line of progress for each on stderr and one of all on stdout.
///
/// # Errors
/// When a run is void, or its history is not valid.
pub fn simulate_all(batch: &Batch) -> Result<(), BatchFailed> {
    let program = std::env::current_exe()?;
    let began = Instant::now();
    let times: &[bool] = if batch.twice {
        &[false, true]
    } else {
        &[false]
    };
    let seeds = batch.seeds.clone();
    let runs = seeds.flat_map(|seed| times.iter().map(move |again| (seed, *again)));
    let mut waiting: VecDeque<_> = runs.collect();
    let mut running: VecDeque<Running> = VecDeque::new();
    let mut total = Total {
        seeds: batch.seeds.clone().count() as u64,
        ..Total::default()
    };
    let mut failed = Vec::new();
    loop {
        while running.len() < AT_A_TIME
            && let Some((seed, again)) = waiting.pop_front()
        {
            let process = start(&program, batch, seed, again)?;
            running.push_back(Running {
                seed,
                again,
                process,
            });
        }
        let Some(oldest) = running.pop_front() else {
            break;
        };
        let summary = ended(oldest.process)?;
        if oldest.again {
            match is_repeated(batch, oldest.seed)? {
                true => total.repeated += 1,
                false => failed.push(oldest.seed),
            }
            continue;
        }
        match summary {
            Some(summary) => {
                eprintln!("{}", line(&summary));
                total.add(&summary);
                failed.extend((!summary.is_valid()).then_some(summary.seed));
            }
            None => {
                eprintln!("seed {}: void", oldest.seed);
                failed.push(oldest.seed);
            }
        }
    }
    println!(
        "{} in {:.0} s",
        total.line(failed.len()),
        began.elapsed().as_secs_f64()
    );
    match failed.is_empty() {
        true => Ok(()),
        false => Err(BatchFailed::Seeds(failed)),
    }
}

fn folder(batch: &Batch, seed: u64, again: bool) -> PathBuf {
    let again = if again { "-again" } else { "" };
    batch.out.join(format!("seed-{seed}{again}"))
}

/// Whether the two runs of a seed have left the same bytes.
fn is_repeated(batch: &Batch, seed: u64) -> std::io::Result<bool> {
    for file in ["history.jsonl", "trace.txt"] {
        let read = |again| std::fs::read(folder(batch, seed, again).join(file));
        if read(false)? != read(true)? {
            eprintln!("seed {seed}: {file} differs when it is repeated");
            return Ok(false);
        }
    }
    Ok(true)
}

fn start(program: &Path, batch: &Batch, seed: u64, again: bool) -> std::io::Result<Child> {
    Command::new(program)
        .args(["sim", "--seed", &seed.to_string(), "--out"])
        .arg(folder(batch, seed, again))
        .args(&batch.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}

/// The summary of a run, unless it is void.
fn ended(process: Child) -> std::io::Result<Option<Summary>> {
    let output = process.wait_with_output()?;
    Ok(serde_json::from_slice(&output.stdout).ok())
}

fn line(summary: &Summary) -> String {
    let struck: u64 = summary.faults.values().map(|strikes| strikes.bit).sum();
    format!(
        "seed {}: {}, {} operations ({} unknown), {struck} faults, {:.1} s simulated in {:.1} s of \
         CPU, trace {}",
        summary.seed,
        judged(summary),
        summary.operations,
        summary.unknown,
        summary.simulated_ms as f64 / 1e3,
        summary.cpu_ms as f64 / 1e3,
        summary.trace,
    )
}

/// The verdict, with the laws that were broken.
fn judged(summary: &Summary) -> String {
    match summary.broken.is_empty() {
        true => summary.verdict.clone(),
        false => format!("{} ({})", summary.verdict, summary.broken.join(", ")),
    }
}

#[derive(Default)]
struct Total {
    seeds: u64,
    /// Seeds whose second run was the same to the byte.
    repeated: u64,
    operations: u64,
    unknown: u64,
    faults: BTreeMap<String, Strikes>,
    simulated_ms: u64,
    cpu_ms: u64,
}

impl Total {
    fn add(&mut self, summary: &Summary) {
        self.operations += summary.operations;
        self.unknown += summary.unknown;
        self.simulated_ms += summary.simulated_ms;
        self.cpu_ms += summary.cpu_ms;
        for (kind, strikes) in &summary.faults {
            let sum = self.faults.entry(kind.clone()).or_default();
            sum.bit += strikes.bit;
            sum.missed += strikes.missed;
        }
    }

    fn line(&self, failed: usize) -> String {
        let faults: Vec<_> = self.faults.iter().map(struck).collect();
        format!(
            "{} seeds, {failed} of them not valid, {} repeated to the byte; {} operations, {} of \
             them unknown; faults: {}; {:.1} simulated seconds a CPU second",
            self.seeds,
            self.repeated,
            self.operations,
            self.unknown,
            faults.join(", "),
            self.simulated_ms as f64 / self.cpu_ms.max(1) as f64,
        )
    }
}

fn struck((kind, strikes): (&String, &Strikes)) -> String {
    match strikes.missed {
        0 => format!("{kind} {}", strikes.bit),
        missed => format!("{kind} {} ({missed} missed)", strikes.bit),
    }
}
