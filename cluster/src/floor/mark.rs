//! The number of the last record, for those who tell other nodes of it.

use std::sync::{Arc, OnceLock};

use super::disk::FloorDisk;
use super::floors::Floors;
use super::frame;
use super::header;

/// It never goes back on an intact disk. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FloorMark {
    found: u64,
    opened: Arc<OnceLock<Floors>>,
}

impl FloorMark {
    /// Before the floors are opened. A file that cannot be read stops the node when it opens them.
    #[must_use]
    pub fn find(disk: &dyn FloorDisk) -> Self {
        let bytes = disk.read().ok().flatten().unwrap_or_default();
        let rest = header::owner(&bytes).and_then(|owner| header::check(&bytes, owner));
        let scanned = rest.and_then(frame::scan);
        let last = scanned.map(|scanned| scanned.batches.last().map_or(0, |last| last.number));
        Self {
            found: last.unwrap_or(0),
            opened: Arc::default(),
        }
    }

    /// From now on the floors tell how far they are.
    pub fn follow(&self, floors: Floors) {
        // Set once: a node opens its floors once.
        let _again = self.opened.set(floors);
    }

    /// What was in the file at the start.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.found
    }

    /// What is durable. None before the floors are opened: what was found need not be synced.
    #[must_use]
    pub fn durable(&self) -> Option<u64> {
        self.opened.get().map(Floors::number)
    }
}
