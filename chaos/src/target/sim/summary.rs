//! One run in numbers, as its process tells the batch.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::{History, Op};
use crate::verdict::Outcome;

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub seed: u64,
    /// Of clients, with those of unknown outcome.
    pub operations: u64,
    pub unknown: u64,
    /// By kind: how many struck, and how many did not bite.
    pub faults: BTreeMap<String, Strikes>,
    pub skipped: Vec<String>,
    pub healed: bool,
    /// `valid`, `inconclusive`, `unknown` or `invalid`.
    pub verdict: String,
    /// Laws.
    pub broken: Vec<String>,
    pub simulated_ms: u64,
    pub cpu_ms: u64,
    /// Hash over all arrivals, faults and observations.
    pub trace: String,
    pub events: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strikes {
    pub bit: u64,
    pub missed: u64,
}

impl Summary {
    /// What a history shows; times, trace and verdict are not in it.
    pub(super) fn of(seed: u64, history: &History) -> Self {
        let mut summary = Self {
            seed,
            healed: history.healed().is_some(),
            ..Self::default()
        };
        for row in &history.rows {
            match &row.op {
                Op::Fault(fault) => {
                    let strikes = summary.faults.entry(fault.arg.kind.clone()).or_default();
                    match fault.out.as_ref().is_some_and(|struck| struck.bit) {
                        true => strikes.bit += 1,
                        false => strikes.missed += 1,
                    }
                }
                Op::Skipped(skipped) => summary.skipped.push(skipped.arg.kind.clone()),
                Op::Begin(_) | Op::Observe(_) | Op::Healed(_) => {}
                _ => {
                    summary.operations += 1;
                    summary.unknown += u64::from(row.ret.is_none());
                }
            }
        }
        summary
    }
}

impl Summary {
    /// Whether every law held, and enough was seen to say so.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.verdict == Outcome::Valid.name()
    }
}

/// CPU time of this process so far.
pub(super) fn cpu_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = stat.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanos))
}
