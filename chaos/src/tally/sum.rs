//! `cameo-chaos tally`: what the runs of files come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use super::row::{Build, Row, VOID, read};
use super::{Counts, OfKind};

/// Adds up runs that `--tally FILE` has counted
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files of `--tally`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// The runs of one target.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Sum {
    runs: usize,
    /// How many seeds ran, each counted once.
    seeds: usize,
    builds: usize,
    seconds: u64,
    verdicts: BTreeMap<String, usize>,
    #[serde(flatten)]
    counts: Counts,
}

/// By target.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Sums(BTreeMap<String, Sum>);

impl Sums {
    fn of(rows: &[Row]) -> Self {
        let mut seeds: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        let mut builds: BTreeMap<&str, BTreeSet<&Build>> = BTreeMap::new();
        let mut sums = Self::default();
        for row in rows {
            let sum = sums.0.entry(row.target.clone()).or_default();
            sum.runs += 1;
            // A run that came to no end shows nothing.
            if row.verdict != VOID {
                sum.seconds += row.seconds;
                seeds.entry(&row.target).or_default().insert(row.seed);
                builds.entry(&row.target).or_default().insert(&row.build);
            }
            *sum.verdicts.entry(row.verdict.clone()).or_default() += 1;
            sum.counts.add(&row.counts);
        }
        for (target, sum) in &mut sums.0 {
            sum.seeds = seeds.get(target.as_str()).map_or(0, BTreeSet::len);
            sum.builds = builds.get(target.as_str()).map_or(0, BTreeSet::len);
        }
        sums
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (target, sum) in &self.0 {
            let verdicts = sum.verdicts.iter();
            let verdicts: Vec<_> = verdicts
                .map(|(name, runs)| format!("{runs} {name}"))
                .collect();
            writeln!(
                f,
                "{target}: {} runs of {} seeds and {} builds, {} s under faults: {}; {}\n",
                sum.runs,
                sum.seeds,
                sum.builds,
                sum.seconds,
                verdicts.join(", "),
                sum.counts,
            )?;
            writeln!(f, "| fault | struck | did not bite | operations under it |")?;
            writeln!(f, "| --- | ---: | ---: | ---: |")?;
            for (kind, of) in &sum.counts.faults {
                let OfKind {
                    struck,
                    idle,
                    overlapped,
                } = of;
                writeln!(f, "| {kind} | {struck} | {idle} | {overlapped} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or has a line that is none of ours.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for file in &arguments.files {
        let name = || file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(name)?;
        rows.extend(read(&text).with_context(name)?);
    }
    let sums = Sums::of(&rows);
    match arguments.json {
        true => println!("{}", serde_json::to_string(&sums)?),
        false => print!("{sums}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(target: &str, build: &str, seed: u64, verdict: &str) -> Row {
        let build: Build = serde_json::from_value(serde_json::json!(build)).unwrap();
        Row {
            seconds: 30,
            verdict: verdict.to_owned(),
            counts: Counts {
                operations: 10,
                ..Counts::default()
            },
            ..Row::new(target, build, seed)
        }
    }

    #[test]
    fn given_runs_when_they_are_added_up_then_a_seed_that_ran_again_is_one_seed() {
        let rows = [
            row("sim", "a", 1, "valid"),
            row("sim", "b", 1, "valid"),
            row("sim", "b", 2, "inconclusive"),
            row("real", "a", 1, "valid"),
            row("real", "a", 2, VOID),
        ];
        let sums = Sums::of(&rows);
        let sim = &sums.0["sim"];
        assert_eq!(
            (sim.runs, sim.seeds, sim.builds, sim.seconds),
            (3, 2, 2, 90)
        );
        assert_eq!(sim.counts.operations, 30);
        assert_eq!(sim.verdicts["valid"], 2);
        let real = &sums.0["real"];
        assert_eq!((real.runs, real.seeds, real.seconds), (2, 1, 30));
        let text = sums.to_string();
        assert!(
            text.contains("sim: 3 runs of 2 seeds and 2 builds"),
            "{text}"
        );
    }
}
