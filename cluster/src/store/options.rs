//! Limits of a store.

use std::sync::Arc;
use std::time::Duration;

use crate::host::disk_space::{Filesystem, Reserve, SpaceMeter};
use crate::latency::Latencies;

/// Interval of the write-behind.
const DRAIN_EVERY: Duration = Duration::from_secs(1);
/// Above this size of the overlay, applying waits for the write-behind.
const OVERLAY_BYTES: usize = 128 << 20;
/// The same while the disk is low. A start may apply all entries since the last snapshot then.
const OVERLAY_BYTES_WHEN_LOW: usize = 512 << 20;
/// Pause after a snapshot that could not be written.
const SNAPSHOT_RETRY: Duration = Duration::from_secs(30);
/// Above this size of the overlay, reads of the whole state are aborted.
const WALK_OVERLAY_BYTES: usize = 64 << 20;
/// Above this size of what a read of the whole state keeps of replaced rows, the write-behind waits
/// for it.
const WALK_BYTES: usize = 256 << 20;

/// Most bytes of a state that a start reads as a whole before it goes on. A larger one is verified
/// in the background.
const READ_AT_START_BYTES: u64 = 64 << 20;

/// Limits of a store. The defaults are those of a node.
#[derive(Debug, Clone)]
pub struct Options {
    pub drain_every: Duration,
    /// Above this size of the overlay, applying waits for the write-behind.
    pub overlay_bytes: usize,
    /// The same while the disk is low, and nothing is written behind. Nothing new is appended then:
    /// what is left to apply is what the log has.
    pub overlay_bytes_when_low: usize,
    /// Above this size of the overlay, reads of the whole state are aborted.
    pub walk_overlay_bytes: usize,
    /// Above this size of what such a read keeps of replaced rows, the write-behind waits for it.
    pub walk_bytes: usize,
    pub snapshot_retry: Duration,
    /// Most bytes of a state that a start reads as a whole. A larger one is verified in the
    /// background.
    pub read_at_start_bytes: u64,
    /// Counts the time of syncs, batches and snapshots.
    pub latencies: Arc<Latencies>,
    /// The machine's boot id; `None` reads it from the kernel.
    pub boot_id: Option<String>,
    /// Source of the free bytes of the disk.
    pub meter: Arc<dyn SpaceMeter>,
    /// Free bytes below which the node takes no new entries.
    pub reserve: Reserve,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            drain_every: DRAIN_EVERY,
            overlay_bytes: OVERLAY_BYTES,
            overlay_bytes_when_low: OVERLAY_BYTES_WHEN_LOW,
            walk_overlay_bytes: WALK_OVERLAY_BYTES,
            walk_bytes: WALK_BYTES,
            snapshot_retry: SNAPSHOT_RETRY,
            read_at_start_bytes: READ_AT_START_BYTES,
            latencies: Arc::default(),
            boot_id: None,
            meter: Arc::new(Filesystem),
            reserve: Reserve::Default,
        }
    }
}
