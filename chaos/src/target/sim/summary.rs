//! One run in numbers, as its process tells the batch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::{History, Op};
use crate::tally::Counts;
use crate::verdict::Outcome;

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub seed: u64,
    pub counts: Counts,
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

impl Summary {
    /// What a history shows; times, trace and verdict are not in it.
    pub(super) fn of(seed: u64, history: &History) -> Self {
        let skipped = history.rows.iter().filter_map(|row| match &row.op {
            Op::Skipped(skipped) => Some(skipped.arg.kind.clone()),
            _ => None,
        });
        Self {
            seed,
            counts: Counts::of(history),
            skipped: skipped.collect(),
            healed: history.healed().is_some(),
            ..Self::default()
        }
    }

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
