//! The states at fixed indexes that this node has had lately.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::StatePoint;

/// States that are kept, so that nodes that are behind get this node's signature too, and those
/// whose snapshot takes longer to write than many intervals.
const KEPT: usize = 256;

/// Shared by the state machine, which adds to it, and by those who sign and collect. Clones share
/// it.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Entries between two fixed indexes; 0: there are none.
    every: AtomicU64,
    /// The newest index at which the state is captured on demand; 0: none.
    requested: AtomicU64,
    recent: Mutex<BTreeMap<u64, StatePoint>>,
    /// The newest state of which this node has a snapshot that lacks its certificate.
    pending: watch::Sender<Option<StatePoint>>,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                every: AtomicU64::new(0),
                requested: AtomicU64::new(0),
                recent: Mutex::default(),
                pending: watch::Sender::new(None),
            }),
        }
    }
}

impl Checkpoints {
    /// Sets the interval, before an entry is applied. It is the same at all nodes: only of an index
    /// that all of them sign there is ever a certificate.
    pub fn set_interval(&self, every: u64) {
        self.shared.every.store(every, Ordering::Release);
    }

    /// Has the state captured at one more index. A later request replaces it.
    pub fn request(&self, index: u64) {
        self.shared.requested.store(index, Ordering::Release);
    }

    /// Whether the state was requested at an index.
    #[must_use]
    pub fn is_requested(&self, index: u64) -> bool {
        index > 0 && index == self.shared.requested.load(Ordering::Acquire)
    }

    /// Whether the state is captured at an index: a fixed one, or one that was requested.
    #[must_use]
    pub fn is_fixed(&self, index: u64) -> bool {
        let every = self.shared.every.load(Ordering::Acquire);
        let is_regular = every > 0 && index.is_multiple_of(every);
        (index > 0 && is_regular) || self.is_requested(index)
    }

    /// Adds the state at a fixed index.
    pub fn add(&self, point: StatePoint) {
        let mut recent = self.shared.recent.lock();
        recent.insert(point.index, point);
        while recent.len() > KEPT {
            recent.pop_first();
        }
    }

    /// The state at a fixed index, if this node has had it lately.
    #[must_use]
    pub fn at(&self, index: u64) -> Option<StatePoint> {
        self.shared.recent.lock().get(&index).copied()
    }

    /// Announces a snapshot that lacks only its certificate.
    pub fn announce(&self, point: StatePoint) {
        self.shared.pending.send_replace(Some(point));
    }

    /// The newest snapshot that lacks its certificate, and its changes.
    #[must_use]
    pub fn pending(&self) -> watch::Receiver<Option<StatePoint>> {
        self.shared.pending.subscribe()
    }
}
