//! The folder of the snapshot files, with the current one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Snapshot;
use super::format::{Reader, Verified};
use super::pending::Pending;
use crate::certificate::Checkpoints;
use crate::consensus_types::aliases::{SnapshotMeta, position};
use crate::host::disk_space::{DiskSpace, LowDiskSpace};
use crate::host::seldom::Seldom;
use crate::store::layout::{DAMAGED, PART, rename_durably, sync_directory};
use crate::store::meta::Applied;
use parking_lot::Mutex;
use tokio::sync::watch;

const SUFFIX: &str = ".snap";
/// The current snapshot and the previous one: for its present readers, and for a start that finds
/// the current one damaged.
const KEPT: usize = 2;

/// Origin of a snapshot. A local one never goes beyond the durable log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Origin {
    Local,
    Received,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Self::Local => "own",
            Self::Received => "received",
        }
    }
}

/// A durable, verified snapshot file. Clones refer to the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    pub(super) path: PathBuf,
    len: u64,
    origin: Origin,
    is_certified: bool,
}

impl SnapshotFile {
    /// Length of the file in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether other nodes can install it.
    pub fn is_certified(&self) -> bool {
        self.is_certified
    }

    /// Opens the file for sending. `NotFound` when newer snapshots have replaced it: use the
    /// current one.
    pub async fn open(&self) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(&self.path).await
    }

    pub(in super::super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The snapshots of this node. Clones share them.
#[derive(Debug, Clone)]
pub struct Snapshots {
    pub(super) folder: Arc<Folder>,
}

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    current: Mutex<Option<(SnapshotMeta, SnapshotFile)>>,
    /// Index of the current one, if that is certified.
    certified: watch::Sender<Option<u64>>,
    parts: AtomicU64,
    pub receiving: AtomicUsize,
    pub checkpoints: Checkpoints,
    /// The newest snapshot that waits for its certificate.
    pub pending: Mutex<Option<Pending>>,
    /// Index of the snapshot that is being written, at a fixed index or on demand.
    pub capturing: watch::Sender<Option<u64>>,
    pub space: Arc<DiskSpace>,
    /// The log tells of refused snapshots.
    pub refused: Seldom,
}

impl Snapshots {
    /// Verifies the files, newest first, and removes unfinished ones. Damaged files are kept under
    /// another name for inspection.
    pub(in super::super) fn open(folder: &Path, space: Arc<DiskSpace>) -> io::Result<Self> {
        let mut current = None;
        for path in files(folder, PART)? {
            fs::remove_file(path)?;
        }
        let mut paths = files(folder, SUFFIX)?;
        paths.sort();
        while let Some(path) = paths.pop() {
            match Reader::verify(&path) {
                Ok(found) => {
                    let Verified {
                        applied,
                        is_certified,
                    } = found;
                    current = Some((meta(&applied), describe(path, is_certified)?));
                    break;
                }
                Err(error) => {
                    tracing::error!(
                        path = %path.display(), %error,
                        "a snapshot is damaged and is kept under another name"
                    );
                    for old in files(folder, DAMAGED)? {
                        fs::remove_file(old)?;
                    }
                    rename_durably(&path, &path.with_added_extension(&DAMAGED[1..]))?;
                }
            }
        }
        let folder_state = Folder {
            path: folder.to_owned(),
            certified: watch::Sender::new(current.as_ref().and_then(certified_index)),
            current: Mutex::new(current),
            parts: AtomicU64::new(0),
            receiving: AtomicUsize::new(0),
            checkpoints: Checkpoints::default(),
            pending: Mutex::default(),
            capturing: watch::Sender::new(None),
            space,
            refused: Seldom::default(),
        };
        Ok(Self {
            folder: Arc::new(folder_state),
        })
    }

    pub(in super::super) fn current(&self) -> Option<Snapshot> {
        let current = self.folder.current.lock();
        current
            .clone()
            .map(|(meta, snapshot)| Snapshot { meta, snapshot })
    }

    /// Index of the current snapshot while that is certified, and its changes.
    pub(super) fn certified(&self) -> watch::Receiver<Option<u64>> {
        self.folder.certified.subscribe()
    }

    /// Whether the state at an index is in a snapshot that is certified, or waits for that, or is
    /// being written.
    pub(super) fn has(&self, index: u64) -> bool {
        let pending = self.folder.pending.lock();
        pending
            .as_ref()
            .is_some_and(|pending| pending.point.index == index)
            || *self.folder.capturing.borrow() == Some(index)
            || *self.folder.certified.borrow() == Some(index)
    }

    /// The states at fixed indexes, which this node signs.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.folder.checkpoints
    }

    /// Clears the current snapshot, which ends before the log begins.
    pub(in super::super) fn clear_current(&self) {
        *self.folder.current.lock() = None;
        self.folder.certified.send_replace(None);
    }

    /// Whether there is room for a snapshot of this node's state, if it is as long as the one
    /// before.
    pub(super) fn admit_own(&self) -> Result<(), LowDiskSpace> {
        let before = self.folder.current.lock();
        let bytes = before.as_ref().map_or(0, |(_, file)| file.len);
        self.folder.space.admit(bytes)
    }

    /// A path for an unfinished file.
    pub(super) fn part(&self) -> PathBuf {
        let number = self.folder.parts.fetch_add(1, Ordering::Relaxed);
        self.folder.path.join(format!("{number}{PART}"))
    }

    /// Gives a finished, synced file its final name; durable when this returns.
    pub(super) fn keep(
        &self,
        part: &Path,
        applied: &Applied,
        origin: Origin,
        is_certified: bool,
    ) -> io::Result<SnapshotFile> {
        let (term, index) = applied.log_id.as_ref().map(position).unwrap_or_default();
        let name = format!("{index:020}-{term:020}-{}{SUFFIX}", origin.word());
        let path = self.folder.path.join(name);
        rename_durably(part, &path)?;
        describe(path, is_certified)
    }

    /// Puts a snapshot into this node's folder, if it is not there, as a durable copy.
    pub(super) fn adopt(&self, applied: &Applied, file: SnapshotFile) -> io::Result<SnapshotFile> {
        if file.path.parent() == Some(&self.folder.path) {
            return Ok(file);
        }
        let part = self.part();
        fs::copy(&file.path, &part)?;
        fs::File::open(&part)?.sync_all()?;
        self.keep(&part, applied, Origin::Received, file.is_certified)
    }

    /// Makes a file in the folder the current snapshot, unless a newer one has become it meanwhile,
    /// and removes older ones. Returns the current one.
    pub(super) fn set_current(
        &self,
        applied: &Applied,
        file: SnapshotFile,
    ) -> io::Result<Snapshot> {
        let (meta, file) = {
            let mut current = self.folder.current.lock();
            if let Some((newer, _)) = &*current
                && newer.last_log_id > applied.log_id
            {
                tracing::info!(path = %file.path.display(), "a newer snapshot is kept instead");
            } else {
                *current = Some((meta(applied), file.clone()));
                let certified = current.as_ref().and_then(certified_index);
                self.folder.certified.send_replace(certified);
            }
            current.clone().unwrap_or((meta(applied), file))
        };
        let mut paths = files(&self.folder.path, SUFFIX)?;
        paths.sort();
        let newest = paths.len().saturating_sub(KEPT);
        for path in &paths[..newest] {
            if *path != file.path {
                fs::remove_file(path)?;
            }
        }
        sync_directory(&self.folder.path)?;
        Ok(Snapshot {
            meta,
            snapshot: file,
        })
    }
}

fn certified_index((meta, file): &(SnapshotMeta, SnapshotFile)) -> Option<u64> {
    let last = meta.last_log_id.filter(|_| file.is_certified);
    last.map(|id| id.index())
}

pub(super) fn meta(applied: &Applied) -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: applied.log_id,
        last_membership: applied.membership.clone(),
    }
}

fn describe(path: PathBuf, is_certified: bool) -> io::Result<SnapshotFile> {
    let len = fs::metadata(&path)?.len();
    let local = format!("-{}{SUFFIX}", Origin::Local.word());
    let origin = match path.to_string_lossy().ends_with(&local) {
        true => Origin::Local,
        false => Origin::Received,
    };
    Ok(SnapshotFile {
        path,
        len,
        origin,
        is_certified,
    })
}

/// The files under a final name, in no order.
pub(in super::super) fn snapshot_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    files(folder, SUFFIX)
}

fn files(folder: &Path, suffix: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(suffix) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::consensus_types::aliases::{CommittedLeaderId, LogId};

    #[test]
    fn an_older_snapshot_does_not_replace_a_newer_one() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(folder.path(), DiskSpace::unlimited()).unwrap();
        let finished = |index: u64| {
            let leader = CommittedLeaderId::new(1);
            let applied = Applied {
                log_id: Some(LogId::new(leader, index)),
                ..Applied::default()
            };
            let part = snapshots.part();
            fs::write(&part, b"rows").unwrap();
            let file = snapshots
                .keep(&part, &applied, Origin::Local, true)
                .unwrap();
            (applied, file)
        };
        // given two that were certified, and one that was installed while they were finished
        let (old, older) = (finished(20), finished(10));
        let (applied, file) = finished(30);
        let installed = snapshots.set_current(&applied, file).unwrap();
        // when those are put in place late
        for (applied, file) in [old, older] {
            let current = snapshots.set_current(&applied, file).unwrap();
            // then the newest stays, with its file
            assert_eq!(current.snapshot, installed.snapshot);
            let kept = snapshots.current().unwrap();
            assert_eq!((kept.meta, kept.snapshot), (current.meta, current.snapshot));
            assert!(installed.snapshot.path().exists());
        }
    }
}
