//! What became of the jobs of this process, counted since its start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each job that was taken up ends as one of `finished`, `failed` and `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub finished: u64,
    /// Its input was wrong, or the worker failed at it.
    pub failed: u64,
    /// Its client had gone before it was done.
    pub cancelled: u64,
    /// Not taken up: a bad ticket, too much to do, or a worker that stops.
    pub refused: u64,
}

/// The counts, while they go up.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    failed: AtomicU64,
    cancelled: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn with_finished(&self, finished: u64) -> JobCounts {
        JobCounts {
            finished,
            failed: self.failed.load(Ordering::Relaxed),
            cancelled: self.cancelled.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
