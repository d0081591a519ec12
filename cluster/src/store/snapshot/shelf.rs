//! The folder of snapshot files and which of them is the current one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Snapshot;
use super::format::Reader;
use crate::consensus_types::aliases::{SnapshotMeta, position};
use crate::store::layout::{PART, rename_durably, sync_directory};
use crate::store::meta::Applied;
use parking_lot::Mutex;

const SUFFIX: &str = ".snap";
const DAMAGED: &str = ".damaged";
/// The current one and, for who is still reading it, the one before.
const KEPT: usize = 2;

/// Where a snapshot's state comes from. A node's own never reaches beyond its durable log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Origin {
    Own,
    Received,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Received => "received",
        }
    }
}

/// A durable, verified snapshot file. Clones name the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    pub(super) path: PathBuf,
    len: u64,
    origin: Origin,
}

impl SnapshotFile {
    /// Length of the file in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Opens the file for reading, to be streamed as it is. `NotFound` when newer snapshots have
    /// taken its place: ask for the current one.
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
    pub(super) shelf: Arc<Shelf>,
}

#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    current: Mutex<Option<(SnapshotMeta, SnapshotFile)>>,
    parts: AtomicU64,
    pub receiving: AtomicUsize,
}

impl Snapshots {
    /// Verifies what is there, newest first, and removes what was never finished. Damaged files
    /// are kept under another name for someone to look at.
    pub(in super::super) fn open(folder: &Path) -> io::Result<Self> {
        let mut current = None;
        for path in files(folder, PART)? {
            fs::remove_file(path)?;
        }
        let mut paths = files(folder, SUFFIX)?;
        paths.sort();
        while let Some(path) = paths.pop() {
            match Reader::verify(&path) {
                Ok(applied) => {
                    current = Some((meta(&applied), describe(path)?));
                    break;
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a snapshot is damaged: setting it aside");
                    for old in files(folder, DAMAGED)? {
                        fs::remove_file(old)?;
                    }
                    rename_durably(&path, &path.with_added_extension(&DAMAGED[1..]))?;
                }
            }
        }
        let shelf = Shelf {
            folder: folder.to_owned(),
            current: Mutex::new(current),
            parts: AtomicU64::new(0),
            receiving: AtomicUsize::new(0),
        };
        Ok(Self {
            shelf: Arc::new(shelf),
        })
    }

    pub(in super::super) fn current(&self) -> Option<Snapshot> {
        let current = self.shelf.current.lock();
        current
            .clone()
            .map(|(meta, snapshot)| Snapshot { meta, snapshot })
    }

    /// Forgets the current one: it does not reach up to where the log begins.
    pub(in super::super) fn disown_current(&self) {
        *self.shelf.current.lock() = None;
    }

    /// A path for a file that is not finished yet.
    pub(super) fn part(&self) -> PathBuf {
        let number = self.shelf.parts.fetch_add(1, Ordering::Relaxed);
        self.shelf.folder.join(format!("{number}{PART}"))
    }

    /// Gives a finished, synced file its name; durable when this returns.
    pub(super) fn keep(
        &self,
        part: &Path,
        applied: &Applied,
        origin: Origin,
    ) -> io::Result<SnapshotFile> {
        let (term, index) = applied.log_id.as_ref().map(position).unwrap_or_default();
        let name = format!("{index:020}-{term:020}-{}{SUFFIX}", origin.word());
        let path = self.shelf.folder.join(name);
        rename_durably(part, &path)?;
        describe(path)
    }

    /// The same snapshot in this node's own folder: the file itself, or a durable copy of it.
    pub(super) fn adopt(&self, applied: &Applied, file: SnapshotFile) -> io::Result<SnapshotFile> {
        if file.path.parent() == Some(&self.shelf.folder) {
            return Ok(file);
        }
        let part = self.part();
        fs::copy(&file.path, &part)?;
        fs::File::open(&part)?.sync_all()?;
        self.keep(&part, applied, Origin::Received)
    }

    /// Makes a kept file the current one and removes those that it replaces.
    pub(super) fn set_current(
        &self,
        applied: &Applied,
        file: SnapshotFile,
    ) -> io::Result<Snapshot> {
        let meta = meta(applied);
        {
            let mut current = self.shelf.current.lock();
            *current = Some((meta.clone(), file.clone()));
        }
        let mut paths = files(&self.shelf.folder, SUFFIX)?;
        paths.sort();
        let newest = paths.len().saturating_sub(KEPT);
        for path in &paths[..newest] {
            if *path != file.path {
                fs::remove_file(path)?;
            }
        }
        sync_directory(&self.shelf.folder)?;
        Ok(Snapshot {
            meta,
            snapshot: file,
        })
    }
}

pub(super) fn meta(applied: &Applied) -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: applied.log_id,
        last_membership: applied.membership.clone(),
    }
}

fn describe(path: PathBuf) -> io::Result<SnapshotFile> {
    let len = fs::metadata(&path)?.len();
    let own = format!("-{}{SUFFIX}", Origin::Own.word());
    let origin = match path.to_string_lossy().ends_with(&own) {
        true => Origin::Own,
        false => Origin::Received,
    };
    Ok(SnapshotFile { path, len, origin })
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
