//! Many seeds: a process each, two at a time.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::summary::Summary;
use crate::tally::{self, Counts, OfKind};

/// Processes at a time.
const AT_A_TIME: usize = 2;

/// Seeds, and what each process is told.
#[derive(Debug, Clone)]
pub struct Batch {
    pub seeds: Range<u64>,
    /// Each seed has a folder in it.
    pub out: PathBuf,
    /// Whether folders of valid runs stay.
    pub keeps: bool,
    /// A file that counts runs, and what all its rows of this batch have.
    pub tally: Option<(PathBuf, tally::Row)>,
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
    let mut failed = BTreeSet::new();
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
        let seed = oldest.seed;
        let good = if oldest.again {
            let repeated = is_repeated(batch, seed)?;
            total.repeated += u64::from(repeated);
            repeated
        } else {
            count(batch, seed, summary.as_ref())?;
            match &summary {
                Some(summary) => {
                    eprintln!("{}", line(summary));
                    total.add(summary);
                }
                None => eprintln!("seed {seed}: void"),
            }
            summary.as_ref().is_some_and(Summary::is_valid)
        };
        if !good {
            failed.insert(seed);
        }
        if !batch.keeps && oldest.again == batch.twice && !failed.contains(&seed) {
            remove(batch, seed);
        }
    }
    println!(
        "{} in {:.0} s",
        total.line(failed.len()),
        began.elapsed().as_secs_f64()
    );
    match failed.is_empty() {
        true => Ok(()),
        false => Err(BatchFailed::Seeds(failed.into_iter().collect())),
    }
}

/// Adds a run to the file that counts them.
fn count(batch: &Batch, seed: u64, summary: Option<&Summary>) -> std::io::Result<()> {
    let Some((file, row)) = &batch.tally else {
        return Ok(());
    };
    let row = tally::Row {
        seed,
        verdict: summary
            .map_or(tally::VOID, |summary| &summary.verdict)
            .to_owned(),
        counts: summary.map_or_else(Counts::default, |summary| summary.counts.clone()),
        ..row.clone()
    };
    tally::append(file, &row)
}

/// Removes what a valid seed has left.
fn remove(batch: &Batch, seed: u64) {
    for again in [false, true] {
        // In the system's folder for such: it is cleaned some time.
        drop(std::fs::remove_dir_all(folder(batch, seed, again)));
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
    format!(
        "seed {}: {}, {}, {:.1} s simulated in {:.1} s of CPU, trace {}",
        summary.seed,
        judged(summary),
        summary.counts,
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
    counts: Counts,
    simulated_ms: u64,
    cpu_ms: u64,
}

impl Total {
    fn add(&mut self, summary: &Summary) {
        self.counts.add(&summary.counts);
        self.simulated_ms += summary.simulated_ms;
        self.cpu_ms += summary.cpu_ms;
    }

    fn line(&self, failed: usize) -> String {
        let faults: Vec<_> = self.counts.faults.iter().map(struck).collect();
        format!(
            "{} seeds, {failed} of them not valid, {} repeated to the byte; {} operations, {} of \
             them unknown; faults: {}; {:.1} simulated seconds a CPU second",
            self.seeds,
            self.repeated,
            self.counts.operations,
            self.counts.unknown,
            faults.join(", "),
            self.simulated_ms as f64 / self.cpu_ms.max(1) as f64,
        )
    }
}

fn struck((kind, of): (&String, &OfKind)) -> String {
    match of.idle {
        0 => format!("{kind} {}", of.struck),
        idle => format!("{kind} {} ({idle} did not bite)", of.struck),
    }
}
