//! State shared by the handles, the write-behind and the snapshots.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, broadcast, watch};

use super::drain_signal::DrainSignal;
use super::generation::Generation;
use crate::consensus_types::aliases::position;
use crate::host::disk_space::DiskSpace;
use crate::store::meta::Applied;
use crate::store::options::Options;
use crate::store::wal::Wal;

/// Batches of touched users that a slow subscriber may lag behind before it has to read the rows
/// again.
const TOUCHED_BACKLOG: usize = 1024;

/// Notification for event streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// The event rows of these users changed at or before this index.
    Users { index: u64, names: Vec<String> },
    /// The whole state was replaced by a snapshot up to this index.
    Everything { index: u64 },
}

/// The current state, and the senders of its notifications.
#[derive(Debug)]
pub(crate) struct Shared {
    current: RwLock<Arc<Generation>>,
    pub applied: watch::Sender<Option<(u64, u64)>>,
    pub touched: broadcast::Sender<Touched>,
    pub wal: Wal,
    pub space: Arc<DiskSpace>,
    pub drain_signal: DrainSignal,
    /// Notified whenever the overlay has shrunk.
    pub overlay_shrunk: Notify,
    failure: Mutex<Option<String>>,
    pub options: Options,
}

impl Shared {
    pub fn new(generation: Generation, wal: Wal, space: Arc<DiskSpace>, options: Options) -> Self {
        let applied = generation.applied().log_id.as_ref().map(position);
        Self {
            current: RwLock::new(Arc::new(generation)),
            applied: watch::Sender::new(applied),
            touched: broadcast::Sender::new(TOUCHED_BACKLOG),
            wal,
            space,
            drain_signal: DrainSignal::default(),
            overlay_shrunk: Notify::new(),
            failure: Mutex::new(None),
            options,
        }
    }

    pub fn generation(&self) -> Arc<Generation> {
        let current = self.current.read();
        Arc::clone(&current)
    }

    /// Replaces the whole state by an installed snapshot.
    pub fn replace(&self, generation: Generation) {
        let applied = generation.applied();
        {
            let mut current = self.current.write();
            *current = Arc::new(generation);
        }
        self.announce(&applied);
        if let Some(index) = applied.index() {
            self.notify(Touched::Everything { index });
        }
        self.overlay_shrunk.notify_waiters();
    }

    pub fn announce(&self, applied: &Applied) {
        self.applied
            .send_replace(applied.log_id.as_ref().map(position));
    }

    pub fn notify(&self, touched: Touched) {
        // Without subscribers nothing is lost: event streams read the rows.
        drop(self.touched.send(touched));
    }

    pub fn fail(&self, why: String) {
        tracing::error!(why, "the state accepts no more entries");
        *self.failure.lock() = Some(why);
        self.overlay_shrunk.notify_waiters();
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }
}
