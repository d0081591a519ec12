//! Counters of this process's jobs, by how they ended.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each admitted job ends as one of `finished`, `failed` and `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub finished: u64,
    /// Its input was invalid, or the worker failed.
    pub failed: u64,
    /// Its client disconnected before it was done.
    pub cancelled: u64,
    /// Not admitted: an invalid ticket, a full worker, or one that is stopping.
    pub refused: u64,
}

/// The counters behind [`JobCounts`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    failed: AtomicU64,
    cancelled: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    pub(crate) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
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
