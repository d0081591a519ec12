//! The backup that a new cluster begins from, in the folder of each node that forms it.
//!
//! The file `predecessor` in the data folder says that the cluster which this node forms begins
//! from that backup. The founders compare what they read in it; it is removed once the state has
//! all of its rows.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cameo_common::ids::{ClusterId, Hash};
use cameo_common::predecessor::{Cutter, Piece, PieceRows, Predecessor, piece_hashes, rows_hash};
use cameo_machine::{Rows, check_beginning, is_taken_over};

use super::file::{self, BackupFileError, BackupInfo};
use crate::store::{PREDECESSOR, SnapshotRows, sync_directory};

const PART: &str = "predecessor.part";

/// Why a cluster cannot begin from a backup.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    File(#[from] BackupFileError),
    #[error(
        "{file} is a backup of cluster {found}, and --from names {expected}: nothing was prepared"
    )]
    OtherCluster {
        file: PathBuf,
        found: ClusterId,
        expected: ClusterId,
    },
    #[error(
        "{0} is not empty: a restore makes a new cluster, of nodes with new folders. Give one that \
         is empty, or does not exist yet"
    )]
    NotEmpty(PathBuf),
    #[error(
        "{0} is prepared for another backup: nothing was changed. Give another folder, or remove \
         this one"
    )]
    OtherBackup(PathBuf),
    #[error("cannot use {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// A backup as a new cluster reads it: verified, and cut into pieces.
#[derive(Debug)]
pub struct KeptBackup {
    path: PathBuf,
    predecessor: Predecessor,
    /// Of the pieces, in order.
    hashes: Vec<Hash>,
}

impl KeptBackup {
    /// Verifies a backup, and reads what a cluster would take over of it. Blocks.
    ///
    /// # Errors
    /// See [`BackupFileError`].
    pub fn read(path: &Path) -> Result<(Self, BackupInfo), BackupFileError> {
        let (mut cutter, mut hashes) = (Cutter::default(), Vec::new());
        let mut why = None;
        let info = file::verify_with(path, &mut |key, value| {
            if why.is_none() {
                why = check_beginning(&key, &value).err();
            }
            if is_taken_over(&key) {
                let full = cutter.add(key, value);
                hashes.extend(full.as_ref().map(rows_hash));
            }
        })?;
        if let Some(why) = why {
            let path = path.to_owned();
            return Err(BackupFileError::NoBeginning { path, why });
        }
        hashes.push(rows_hash(&cutter.finish()));
        let hashes = piece_hashes(&hashes);
        let predecessor = Predecessor {
            cluster: info.cluster,
            index: info.index,
            state: info.state,
            content: hashes[0],
        };
        let path = path.to_owned();
        let kept = Self {
            path,
            predecessor,
            hashes,
        };
        Ok((kept, info))
    }

    /// The one in a data folder, if there is one. Blocks.
    ///
    /// # Errors
    /// See [`BackupFileError`].
    pub fn within(data: &Path) -> Result<Option<Self>, BackupFileError> {
        let path = data.join(PREDECESSOR);
        match fs::symlink_metadata(&path) {
            Ok(_) => Self::read(&path).map(|(kept, _)| Some(kept)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupFileError::Io { path, error }),
        }
    }

    /// What a cluster's first descriptor says of it.
    #[must_use]
    pub fn predecessor(&self) -> Predecessor {
        self.predecessor
    }

    /// Number of pieces.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.hashes.len()
    }

    /// The pieces, from one of this number on. Blocks.
    ///
    /// # Errors
    /// See [`BackupFileError`].
    pub fn pieces_from(&self, number: u64) -> Result<Pieces, BackupFileError> {
        let mut pieces = Pieces {
            path: self.path.clone(),
            hashes: self.hashes.clone(),
            number: 0,
            file: file::rows(&self.path)?,
            read: Rows::new().into_iter(),
            cutter: Some(Cutter::default()),
        };
        while pieces.number < number && pieces.next_rows()?.is_some() {
            pieces.number += 1;
        }
        Ok(pieces)
    }

    /// Removes the file, once nothing needs it.
    pub fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the backup that was \
                taken over: remove it yourself");
        }
    }
}

/// Pieces of a backup that was verified before.
#[derive(Debug)]
pub struct Pieces {
    path: PathBuf,
    hashes: Vec<Hash>,
    /// Of the next piece.
    number: u64,
    file: SnapshotRows,
    read: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    /// None after the last piece.
    cutter: Option<Cutter>,
}

impl Pieces {
    /// The next piece; None after the last one. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, BackupFileError> {
        let Some(rows) = self.next_rows()? else {
            return Ok(None);
        };
        let number = self.number;
        self.number += 1;
        let next = usize::try_from(self.number).ok();
        let next = next.and_then(|next| self.hashes.get(next)).copied();
        Ok(Some(Piece { number, rows, next }))
    }

    fn next_rows(&mut self) -> Result<Option<PieceRows>, BackupFileError> {
        let Some(cutter) = &mut self.cutter else {
            return Ok(None);
        };
        loop {
            for (key, value) in self.read.by_ref().filter(|(key, _)| is_taken_over(key)) {
                if let Some(full) = cutter.add(key, value) {
                    return Ok(Some(full));
                }
            }
            let rows = self.file.next_rows();
            let rows = rows.map_err(|error| BackupFileError::Damaged {
                path: self.path.clone(),
                why: error.to_string(),
            })?;
            if rows.is_empty() {
                return Ok(self.cutter.take().map(Cutter::finish));
            }
            self.read = rows.into_iter();
        }
    }
}

/// Prepares the folder of a node that forms a new cluster: verifies a backup of the cluster with
/// this id, and keeps it there. Blocks.
///
/// # Errors
/// See [`RestoreError`]. No file is left under its final name then.
pub fn keep(file: &Path, from: ClusterId, data: &Path) -> Result<KeptBackup, RestoreError> {
    let (read, info) = KeptBackup::read(file)?;
    if info.cluster != from {
        return Err(RestoreError::OtherCluster {
            file: file.to_owned(),
            found: info.cluster,
            expected: from,
        });
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| RestoreError::Io { path, error }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(io(data))?;
    let kept = data.join(PREDECESSOR);
    if fs::symlink_metadata(&kept).is_ok() {
        let (kept, _) = KeptBackup::read(&kept)?;
        return match kept.predecessor == read.predecessor {
            true => Ok(kept),
            false => Err(RestoreError::OtherBackup(data.to_owned())),
        };
    }
    let mut names = fs::read_dir(data).map_err(io(data))?;
    let is_other = |name: io::Result<fs::DirEntry>| name.map(|name| name.file_name() != PART);
    if names.any(|name| is_other(name).unwrap_or(true)) {
        return Err(RestoreError::NotEmpty(data.to_owned()));
    }
    let part = data.join(PART);
    copy(file, &part).map_err(io(&part))?;
    // What is kept is verified as it is on this disk.
    let (copied, _) = KeptBackup::read(&part)?;
    if copied.predecessor != read.predecessor {
        return Err(RestoreError::OtherBackup(file.to_owned()));
    }
    fs::rename(&part, &kept).map_err(io(&kept))?;
    sync_directory(data).map_err(io(data))?;
    Ok(KeptBackup {
        path: kept,
        ..copied
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut read = File::open(from)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)?;
    io::copy(&mut read, &mut file)?;
    file.flush()?;
    file.sync_all()
}
