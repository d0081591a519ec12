//! Certified snapshots on demand, at other indexes than the fixed ones, for backups.

use std::io;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::sync::watch;

use super::{Snapshots, capture};
use crate::host::disk_space::LowDiskSpace;
use crate::store::state::State;

/// A certified snapshot, open for reading.
pub struct OpenSnapshot {
    /// Index of the last entry in it.
    pub index: u64,
    /// Length in bytes.
    pub len: u64,
    pub bytes: Box<dyn AsyncRead + Send + Unpin>,
}

impl std::fmt::Debug for OpenSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenSnapshot({}, {} bytes)", self.index, self.len)
    }
}

/// Access to a node's snapshots for backups.
pub trait OnDemandSnapshots: Send + Sync + std::fmt::Debug + 'static {
    /// Checks that there is room for a snapshot on this node's disk.
    ///
    /// # Errors
    /// When there is not, and so none is captured.
    fn admit(&self) -> Result<(), LowDiskSpace>;

    /// Captures the state at an index: now, or when it is applied. Returns the last applied index;
    /// if that is above, the state is not captured.
    fn capture_at(&self, index: u64) -> u64;

    /// Index of the current certified snapshot, and its changes.
    fn certified(&self) -> watch::Receiver<Option<u64>>;

    /// Index of the snapshot that is being written, and its changes.
    fn writing(&self) -> watch::Receiver<Option<u64>>;

    /// Opens the current certified snapshot; None without one.
    fn open(&self) -> BoxFuture<'_, io::Result<Option<OpenSnapshot>>>;
}

/// The store's snapshots, and the state that they are of.
#[derive(Debug, Clone)]
pub struct StoreSnapshots {
    pub state: State,
    pub snapshots: Snapshots,
}

impl OnDemandSnapshots for StoreSnapshots {
    fn admit(&self) -> Result<(), LowDiskSpace> {
        self.snapshots.admit_own()
    }

    fn capture_at(&self, index: u64) -> u64 {
        let checkpoints = self.snapshots.checkpoints();
        // Before the look at what is applied: from here on, applying captures it.
        checkpoints.request(index);
        let applied = self.state.applied().map_or(0, |(_, index)| index);
        if applied == index && !self.snapshots.has(index) {
            capture(&self.state, &self.snapshots);
        }
        applied
    }

    fn certified(&self) -> watch::Receiver<Option<u64>> {
        self.snapshots.certified()
    }

    fn writing(&self) -> watch::Receiver<Option<u64>> {
        self.snapshots.folder.capturing.subscribe()
    }

    fn open(&self) -> BoxFuture<'_, io::Result<Option<OpenSnapshot>>> {
        async move {
            let current = self.snapshots.current();
            let certified = current.filter(|current| current.snapshot.is_certified());
            let Some(current) = certified else {
                return Ok(None);
            };
            let file = current.snapshot.open().await?;
            Ok(Some(OpenSnapshot {
                index: current.meta.last_log_id.map_or(0, |id| id.index()),
                len: current.snapshot.len(),
                bytes: Box::new(file),
            }))
        }
        .boxed()
    }
}
