//! Behaviour of a disk: its latencies and failures.

use std::time::Duration;

/// What the next sync does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextSync {
    pub takes: Duration,
    /// The disk reports an error after that time, and nothing was made durable.
    pub fails: bool,
}

/// Latencies and failures of a disk.
pub trait DiskModel: Send + Sync + 'static {
    /// What the next sync does.
    fn next_sync(&self) -> NextSync;

    /// How many of `unsynced` writes, the oldest first, a power failure leaves on the disk. The one
    /// after them is torn: it is there in part, and the log is cut before it.
    fn survivors(&self, unsynced: usize) -> usize;

    /// Longest time that the applied state may stay in the process's memory alone.
    fn write_behind(&self) -> Duration;
}

/// A disk that makes every write durable at once.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce;

impl DiskModel for AtOnce {
    fn next_sync(&self) -> NextSync {
        NextSync {
            takes: Duration::ZERO,
            fails: false,
        }
    }

    fn survivors(&self, _unsynced: usize) -> usize {
        0
    }

    fn write_behind(&self) -> Duration {
        Duration::ZERO
    }
}
