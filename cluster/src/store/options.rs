//! Limits of a store.

use std::sync::Arc;
use std::time::Duration;

use crate::host::disk_space::{Filesystem, RESERVE_BYTES, SpaceMeter};
use crate::latency::Latencies;

/// Interval of the write-behind.
const DRAIN_EVERY: Duration = Duration::from_secs(1);
/// Above this size of the overlay, applying waits for the write-behind.
const OVERLAY_BYTES: usize = 128 << 20;
/// Pause after a snapshot that could not be written.
const SNAPSHOT_RETRY: Duration = Duration::from_secs(30);
/// Above this size of the overlay, reads of the whole state are aborted.
const WALK_OVERLAY_BYTES: usize = 64 << 20;

/// Limits of a store. The defaults are those of a node.
#[derive(Debug, Clone)]
pub struct Options {
    pub drain_every: Duration,
    pub overlay_bytes: usize,
    pub walk_overlay_bytes: usize,
    pub snapshot_retry: Duration,
    /// Counts the time of syncs, batches and snapshots.
    pub latencies: Arc<Latencies>,
    /// The machine's boot id; `None` reads it from the kernel.
    pub boot_id: Option<String>,
    /// Source of the free bytes of the disk.
    pub meter: Arc<dyn SpaceMeter>,
    /// Free bytes below which the node takes no new entries.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            drain_every: DRAIN_EVERY,
            overlay_bytes: OVERLAY_BYTES,
            walk_overlay_bytes: WALK_OVERLAY_BYTES,
            snapshot_retry: SNAPSHOT_RETRY,
            latencies: Arc::default(),
            boot_id: None,
            meter: Arc::new(Filesystem),
            reserve_bytes: RESERVE_BYTES,
        }
    }
}
