//! Latency of a node's work, counted for its metrics.
//!
//! To record takes two atomic additions and no lock. The bounds of the buckets are fixed: figures
//! of several nodes and versions can be added up.

mod histogram;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use histogram::{Buckets, Histogram};

/// From 0.1 ms, about the time of an fdatasync on a good disk, to the 5 s after which a call is
/// given up, and one above.
const CALL_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// A snapshot is of the whole state: of some rows or of some gigabytes.
const SNAPSHOT_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0,
];
/// Up to the most entries of a batch.
const BATCH_ENTRIES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The histograms of one node. Its parts share them.
#[derive(Debug)]
pub struct Latencies {
    /// Writes through this node, from the proposal to the reply.
    pub writes: Calls,
    /// Linearizable reads at this node, until its state is as new as the read has to be.
    pub reads: Calls,
    /// Syncs of the log: from the hand-over of a group of writes until they are on the disk.
    pub log_syncs: Histogram,
    /// Batches of committed entries, applied to the state.
    pub applies: Histogram,
    /// Their numbers of entries.
    pub apply_entries: Histogram,
    /// Snapshots that were written, until before they are certified.
    pub snapshots: Histogram,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            writes: Calls::default(),
            reads: Calls::default(),
            log_syncs: Histogram::new(CALL_SECONDS),
            applies: Histogram::new(CALL_SECONDS),
            apply_entries: Histogram::new(BATCH_ENTRIES),
            snapshots: Histogram::new(SNAPSHOT_SECONDS),
        }
    }
}

impl Latencies {
    /// Times a batch of entries until the guard is dropped.
    pub fn time_batch(&self, entries: usize) -> BatchTimer<'_> {
        self.apply_entries.record(entries as f64);
        BatchTimer {
            applies: &self.applies,
            began: Instant::now(),
        }
    }
}

/// Calls that end with a result, and the number of those that do not.
#[derive(Debug)]
pub struct Calls {
    pub answered: Histogram,
    failed: AtomicU64,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            answered: Histogram::new(CALL_SECONDS),
            failed: AtomicU64::new(0),
        }
    }
}

impl Calls {
    /// Counts a call that has ended. A failed one is no latency: it may be a limit of time.
    pub fn ended(&self, took: Duration, is_answered: bool) {
        if is_answered {
            self.answered.record_time(took);
        } else {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls without a result.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Records the time of a batch when it is dropped.
#[derive(Debug)]
pub struct BatchTimer<'a> {
    applies: &'a Histogram,
    began: Instant,
}

impl Drop for BatchTimer<'_> {
    fn drop(&mut self) {
        self.applies.record_time(self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_an_answer_is_counted_and_not_timed() {
        let calls = Calls::default();
        calls.ended(Duration::from_millis(3), true);
        calls.ended(Duration::from_secs(5), false);
        let read = calls.answered.read();
        assert_eq!((read.count, calls.failed()), (1, 1));
        assert_eq!(read.sum, 0.003);
    }

    #[test]
    fn a_batch_is_timed_and_counted_by_its_entries() {
        let latencies = Latencies::default();
        drop(latencies.time_batch(3));
        let entries = latencies.apply_entries.read();
        assert_eq!((entries.count, entries.sum), (1, 3.0));
        assert_eq!(latencies.applies.read().count, 1);
    }
}
