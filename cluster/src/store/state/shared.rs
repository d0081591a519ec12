//! State shared by the handles, the write-behind and the snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

use super::drain_signal::DrainSignal;
use super::generation::Generation;
use crate::consensus_types::aliases::position;
use crate::host::disk_space::DiskSpace;
use crate::store::meta::Applied;
use crate::store::options::Options;
use crate::store::subscriptions::Subscriptions;
use crate::store::wal::Wal;

/// The current state, and the senders of its notifications.
#[derive(Debug)]
pub(crate) struct Shared {
    current: RwLock<Arc<Generation>>,
    pub applied: watch::Sender<Option<(u64, u64)>>,
    pub subscriptions: Arc<Subscriptions>,
    pub wal: Wal,
    pub space: Arc<DiskSpace>,
    pub drain_signal: DrainSignal,
    /// Notified whenever the overlay has shrunk.
    pub overlay_shrunk: Notify,
    failure: Mutex<Option<String>>,
    /// The node stops: what reads the whole state ends early.
    is_stopping: AtomicBool,
    pub options: Options,
}

impl Shared {
    pub fn new(generation: Generation, wal: Wal, space: Arc<DiskSpace>, options: Options) -> Self {
        let applied = generation.applied().log_id.as_ref().map(position);
        Self {
            current: RwLock::new(Arc::new(generation)),
            applied: watch::Sender::new(applied),
            subscriptions: Arc::default(),
            wal,
            space,
            drain_signal: DrainSignal::default(),
            overlay_shrunk: Notify::new(),
            failure: Mutex::new(None),
            is_stopping: AtomicBool::new(false),
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
        self.subscriptions.tell_all();
        self.overlay_shrunk.notify_waiters();
    }

    pub fn announce(&self, applied: &Applied) {
        self.applied
            .send_replace(applied.log_id.as_ref().map(position));
    }

    pub fn fail(&self, why: String) {
        tracing::error!(why, "the state accepts no more entries");
        *self.failure.lock() = Some(why);
        self.overlay_shrunk.notify_waiters();
    }

    /// Ends what reads the whole state.
    pub fn stop_walks(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }
}
