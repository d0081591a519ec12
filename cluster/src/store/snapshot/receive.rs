//! Reception of a snapshot from another node.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::Snapshot;
use super::SnapshotError;
use super::folder::{Origin, Snapshots, meta};
use super::format::Reader;
use super::install::load_space;
use crate::certificate::Voters;
use crate::host::disk_space::LowDiskSpace;

/// Largest snapshot that is accepted from another node.
pub const MAX_SNAPSHOT_BYTES: u64 = 16 << 30;
/// Most snapshots received at once. A new leader may begin before an old one has stopped.
const MAX_RECEIVING: usize = 2;

/// A snapshot being received. If it is dropped before `finish`, its file is removed.
#[derive(Debug)]
pub struct Receiving {
    snapshots: Snapshots,
    part: PathBuf,
    file: File,
    announced: u64,
    received: u64,
}

impl Snapshots {
    /// Whether there is room for the file, and for the database that is loaded from it.
    fn admit_received(&self, len: u64) -> Result<(), LowDiskSpace> {
        let space = &self.folder.space;
        let admitted = space.admit(len.saturating_add(load_space(len)));
        if let Err(low) = &admitted
            && !space.is_low()
            && self.folder.refused.is_due()
        {
            tracing::error!(
                snapshot = len,
                free = low.free,
                needed = low.needed,
                "no room for the snapshot that another node sends, and this node stays behind: \
                 free space on the disk of its data folder. It is sent again"
            );
        }
        admitted
    }

    /// Begins to receive a snapshot of `len` bytes.
    pub async fn begin_receiving(&self, len: u64) -> Result<Receiving, SnapshotError> {
        if len > MAX_SNAPSHOT_BYTES {
            return Err(SnapshotError::TooLarge);
        }
        self.admit_received(len)?;
        let part = self.part();
        let file = File::create(&part).await?;
        if self.folder.receiving.fetch_add(1, Ordering::AcqRel) >= MAX_RECEIVING {
            self.folder.receiving.fetch_sub(1, Ordering::AcqRel);
            tokio::fs::remove_file(&part).await?;
            return Err(SnapshotError::Busy);
        }
        Ok(Receiving {
            snapshots: self.clone(),
            part,
            file,
            announced: len,
            received: 0,
        })
    }
}

impl Receiving {
    /// Appends the next bytes of the file.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), SnapshotError> {
        self.received += chunk.len() as u64;
        if self.received > self.announced {
            return Err(SnapshotError::TooLarge);
        }
        Ok(self.file.write_all(chunk).await?)
    }

    /// Syncs and verifies the file, with its certificate, and gives it its final name. The snapshot
    /// is durable when this returns, and can be passed to `Raft::install_full_snapshot`. A refused
    /// one leaves nothing: under its final name, the next start would use it.
    pub async fn finish(mut self, voters: Voters) -> Result<Snapshot, SnapshotError> {
        if self.received != self.announced {
            return Err(SnapshotError::Damaged("it ends too early"));
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        let part = self.part.clone();
        let snapshots = self.snapshots.clone();
        let keep = move || {
            let applied = Reader::verify_certified(&part, &voters)?;
            let snapshot = snapshots.keep(&part, &applied, Origin::Received, true)?;
            Ok(Snapshot {
                meta: meta(&applied),
                snapshot,
            })
        };
        let kept = tokio::task::spawn_blocking(keep).await;
        kept.map_err(|error| SnapshotError::Io(std::io::Error::other(error)))?
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.snapshots
            .folder
            .receiving
            .fetch_sub(1, Ordering::AcqRel);
        // After `finish` the file has its final name and nothing is left to remove.
        drop(std::fs::remove_file(&self.part));
    }
}
