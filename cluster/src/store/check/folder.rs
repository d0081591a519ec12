//! A data folder that is held: no node starts on it meanwhile, and nothing in it is written.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::super::layout::{self, FORMAT, FolderPaths};
use super::super::node_record::NodeRecord;

/// Why a folder cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("there is no folder {0}")]
    Missing(PathBuf),
    #[error("{0} is neither a backup nor the data folder of a node")]
    NeitherKind(PathBuf),
    #[error("{0} has no file FORMAT: it is not the data folder of a node, or not all of one")]
    NotANodes(PathBuf),
    #[error("a node is running on {0}: stop it first, and check the folder then")]
    InUse(PathBuf),
    #[error(
        "{0} has the data format `{1}`, and this build reads only `{reads}`: check it with the \
         version of cameod that wrote it",
        reads = FORMAT.trim_end()
    )]
    UnknownFormat(PathBuf, String),
    #[error("cannot read {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// A name in a data folder that no check has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Of the folder itself.
    Own,
    Unfinished,
    /// A part that a start has kept beside a new one.
    Kept,
    /// A state that is not the live one: a start removes it.
    Stale,
    Foreign,
}

/// See the module. The folder is free again when this is dropped.
#[derive(Debug)]
pub struct HeldFolder {
    paths: FolderPaths,
    _lock: Option<File>,
}

impl HeldFolder {
    /// Holds an existing folder of this build's format.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub fn hold(root: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io(root.to_owned(), error);
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(FolderError::NeitherKind(root.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FolderError::Missing(root.to_owned()));
            }
            Err(error) => return Err(failed(error)),
        }
        let paths = FolderPaths::of(root);
        let format = layout::read_optional(&paths.format()).map_err(failed)?;
        let format = format.ok_or_else(|| FolderError::NotANodes(root.to_owned()))?;
        let lock = lock(root, &paths.lock())?;
        if format != FORMAT.as_bytes() {
            let found = layout::format_name(&format);
            return Err(FolderError::UnknownFormat(root.to_owned(), found));
        }
        Ok(Self { paths, _lock: lock })
    }

    /// The node and cluster that the folder belongs to, once that was written.
    ///
    /// # Errors
    /// When the record is damaged, or of another version.
    pub fn node_record(&self) -> io::Result<Option<NodeRecord>> {
        NodeRecord::read(&self.paths.node())
    }

    pub(super) fn wal(&self) -> PathBuf {
        self.paths.wal()
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.paths.snapshots()
    }

    /// The live state directory, where there is one.
    ///
    /// # Errors
    /// When the file that names it cannot be read.
    pub fn current_state(&self) -> io::Result<Option<PathBuf>> {
        let current = self.paths.current_state()?;
        Ok(current.filter(|path| path.is_dir()))
    }

    /// What a name in the folder is that no check has read.
    pub fn leftover(&self, name: &str) -> Leftover {
        let own = [
            "FORMAT",
            "LOCK",
            "RUNNING",
            "UNVERIFIED",
            "CURRENT",
            "wal",
            "snapshots",
            "origin-1",
            "origin-2",
            layout::PREDECESSOR,
        ];
        if own.contains(&name) {
            return Leftover::Own;
        }
        if name.ends_with(layout::PART) || name.ends_with(".new") {
            return Leftover::Unfinished;
        }
        if name.ends_with(layout::DAMAGED) || name.ends_with(layout::QUARANTINED) {
            return Leftover::Kept;
        }
        if name.starts_with(layout::STATE_PREFIX) {
            return Leftover::Stale;
        }
        Leftover::Foreign
    }

    /// Whether the node has stopped in order: then the log is complete, as it had it.
    pub(super) fn stopped_in_order(&self) -> io::Result<bool> {
        Ok(self.paths.running()?.is_none())
    }

    /// Whether the state may not be on the disk: the machine has stopped since the node was started
    /// last, without a stop of the node, or the last sync of the state failed or did not end.
    pub(super) fn machine_stopped(&self) -> io::Result<bool> {
        let before = self.paths.running()?;
        let boot = layout::boot_id()?;
        Ok(before.is_some_and(|before| before != boot))
    }
}

/// The lock of a running node. A copy of a folder may lack the file.
fn lock(root: &Path, path: &Path) -> Result<Option<File>, FolderError> {
    let failed = |error| FolderError::Io(root.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(FolderError::InUse(root.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
