//! The file of a backup.
//!
//! ```text
//! "cameobak"  version u8  length u32  Header    numbers are little-endian
//! snapshot    a snapshot file, with its certificate, of `Header::snapshot` bytes
//! checksum    BLAKE3 of everything before, 32 bytes
//! ```
//! It has the state of the cluster, and no key of a node: see docs/OPERATING.md.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{ClusterId, Hash, Millis};
use cameo_common::signed::Strict;
use cameo_common::wire;
use cameo_machine::NoBeginning;
use serde::{Deserialize, Serialize};

use crate::certificate::{StatePoint, Voters};
use crate::store::{SnapshotError, SnapshotRows, sync_directory, verify_snapshot};

const MAGIC: &[u8; 8] = b"cameobak";
const VERSION: u8 = 2;
/// Longest header that is read.
const MAX_HEADER: u32 = 8 << 20;
const CHECKSUM: u64 = 32;
/// Magic, version and length of the header.
const PREFIX: u64 = 8 + 1 + 4;
const BUFFER_BYTES: usize = 256 << 10;

/// Why a file cannot be used as a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupFileError {
    #[error("{0} is no backup of a cluster")]
    NotABackup(PathBuf),
    #[error("{path} is a backup of version {version}, and this build reads version {VERSION}")]
    UnknownVersion { path: PathBuf, version: u8 },
    #[error("the backup {path} is damaged ({why}): take another one")]
    Damaged { path: PathBuf, why: String },
    /// It is intact.
    #[error("no cluster can begin from the backup {path}: {why}")]
    NoBeginning { path: PathBuf, why: NoBeginning },
    #[error("{0} exists already and was not changed")]
    Exists(PathBuf),
    #[error("cannot use {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub cluster: ClusterId,
    /// What proves the voters.
    pub descriptors: Descriptors,
    /// By the clock of the operator's machine.
    pub made: Millis,
    /// Bytes of the snapshot.
    pub snapshot: u64,
}

/// An intact backup, certified by a majority of the cluster's voters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupInfo {
    pub cluster: ClusterId,
    /// When it was made, by the clock of the operator's machine.
    pub made: Millis,
    /// Term and index of the last entry in it.
    pub term: u64,
    pub index: u64,
    /// Hash of the state, which the voters have signed.
    pub state: Hash,
    /// Length of the file.
    pub bytes: u64,
}

/// A backup that is being written, under a temporary name. It is removed if it is dropped before
/// `finish`.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    part: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    /// Bytes of the snapshot that are still to come.
    missing: u64,
}

impl Unfinished {
    /// Begins a file beside its final name, readable by its owner alone. None exists under either.
    pub fn create(path: &Path, header: &Header) -> Result<Self, BackupFileError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(BackupFileError::Exists(path.to_owned()));
        }
        let part = path.with_added_extension("part");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => BackupFileError::Exists(part.clone()),
                _ => at(&part, error),
            })?;
        let mut unfinished = Self {
            path: path.to_owned(),
            part,
            file,
            hasher: blake3::Hasher::new(),
            missing: header.snapshot,
        };
        unfinished.put(&encode(header))?;
        Ok(unfinished)
    }

    /// Appends bytes of the snapshot.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BackupFileError> {
        match self.missing.checked_sub(bytes.len() as u64) {
            Some(missing) => self.missing = missing,
            None => {
                return Err(damaged(
                    &self.part,
                    "the node has sent more than it announced",
                ));
            }
        }
        self.put(bytes)
    }

    /// Syncs the file, verifies it as it is on the disk, and gives it its name, durably. `check`
    /// says what is wrong with what it is of.
    pub fn finish(
        mut self,
        check: impl FnOnce(&BackupInfo) -> Result<(), String>,
    ) -> Result<BackupInfo, BackupFileError> {
        if self.missing > 0 {
            return Err(damaged(
                &self.part,
                "the node has sent less than it announced",
            ));
        }
        let sum = *self.hasher.finalize().as_bytes();
        let written = self
            .file
            .write_all(&sum)
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| at(&self.part, error))?;
        let info = verify(&self.part)?;
        check(&info).map_err(|why| damaged(&self.part, &why))?;
        // Never replaces a file: a name that was taken meanwhile is an error.
        fs::hard_link(&self.part, &self.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupFileError::Exists(self.path.clone()),
            _ => at(&self.path, error),
        })?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        sync_directory(folder).map_err(|error| at(&self.path, error))?;
        Ok(info)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupFileError> {
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(|error| at(&self.part, error))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` the file has its final name too.
        drop(fs::remove_file(&self.part));
    }
}

/// Whether a file begins as a backup does.
#[must_use]
pub fn is_backup(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == MAGIC
}

/// Reads a whole backup: its checksum, the descriptor under the cluster's id, the rows under their
/// digest, and the signatures of a majority of the voters over it. Blocks.
///
/// # Errors
/// See [`BackupFileError`].
pub fn verify(path: &Path) -> Result<BackupInfo, BackupFileError> {
    verify_with(path, &mut |_, _| {})
}

/// [`verify`], which passes each row on. They are what the voters have signed only if there is no
/// error in the end.
pub(super) fn verify_with(
    path: &Path,
    row: &mut dyn FnMut(Vec<u8>, Vec<u8>),
) -> Result<BackupInfo, BackupFileError> {
    let io = |error| at(path, error);
    let damaged = |why: &str| damaged(path, why);
    let mut file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let (header, begins) = header(path, &mut file)?;
    let expected = begins.checked_add(header.snapshot);
    if expected.and_then(|end| end.checked_add(CHECKSUM)) != Some(bytes) {
        return Err(damaged("it has another length than its header says"));
    }
    check_sum(path, &mut file, bytes - CHECKSUM)?;
    let chain = header.descriptors.verify(&Strict, header.cluster);
    chain.map_err(|why| damaged(&format!("of its descriptors, {why}")))?;
    // A snapshot may be older than the newest change of the nodes.
    let voters = Voters::of_any(header.descriptors.all(), header.cluster);
    file.seek(SeekFrom::Start(begins)).map_err(io)?;
    let verified = verify_snapshot(file, header.snapshot, &voters, row);
    let StatePoint { term, index, state } = verified.map_err(|error| match error {
        SnapshotError::Io(error) => at(path, error),
        error => damaged(&error.to_string()),
    })?;
    Ok(BackupInfo {
        cluster: header.cluster,
        made: header.made,
        term,
        index,
        state,
        bytes,
    })
}

/// The rows of a backup that was verified before.
pub(super) fn rows(path: &Path) -> Result<SnapshotRows, BackupFileError> {
    let mut file = File::open(path).map_err(|error| at(path, error))?;
    let (header, begins) = header(path, &mut file)?;
    let sought = file.seek(SeekFrom::Start(begins));
    sought.map_err(|error| at(path, error))?;
    let rows = SnapshotRows::within(file, header.snapshot);
    rows.map_err(|error| damaged(path, &error.to_string()))
}

/// The header, and where the snapshot begins.
fn header(path: &Path, file: &mut File) -> Result<(Header, u64), BackupFileError> {
    let short = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupFileError::NotABackup(path.to_owned()),
        _ => at(path, error),
    };
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).map_err(short)?;
    if magic != *MAGIC {
        return Err(BackupFileError::NotABackup(path.to_owned()));
    }
    let mut prefix = [0; PREFIX as usize - MAGIC.len()];
    file.read_exact(&mut prefix)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(path, "it ends within its header"),
            _ => at(path, error),
        })?;
    let [version, l0, l1, l2, l3] = prefix;
    if version != VERSION {
        let path = path.to_owned();
        return Err(BackupFileError::UnknownVersion { path, version });
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length > MAX_HEADER {
        return Err(damaged(path, "its header is too long"));
    }
    let mut content = Vec::new();
    let read = file.take(u64::from(length)).read_to_end(&mut content);
    read.map_err(|error| at(path, error))?;
    let header = wire::decode(&content);
    let header = header.map_err(|_| damaged(path, "its header cannot be decoded"))?;
    Ok((header, PREFIX + u64::from(length)))
}

/// Compares the checksum at the end with the first `length` bytes.
fn check_sum(path: &Path, file: &mut File, length: u64) -> Result<(), BackupFileError> {
    let io = |error| at(path, error);
    file.rewind().map_err(io)?;
    let mut hasher = blake3::Hasher::new();
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, &mut *file).take(length);
    io::copy(&mut reader, &mut hasher).map_err(io)?;
    let mut sum = [0; CHECKSUM as usize];
    reader.into_inner().read_exact(&mut sum).map_err(io)?;
    match hasher.finalize() == blake3::Hash::from_bytes(sum) {
        true => Ok(()),
        false => Err(damaged(path, "its checksum differs")),
    }
}

fn encode(header: &Header) -> Vec<u8> {
    let content = wire::encode(header);
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&content);
    bytes
}

fn damaged(path: &Path, why: &str) -> BackupFileError {
    BackupFileError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

fn at(path: &Path, error: io::Error) -> BackupFileError {
    BackupFileError::Io {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::cluster_descriptor::Descriptor;
    use cameo_common::keys::PublicKey;
    use cameo_common::registration::RegistrationMode;

    use super::*;

    fn descriptor() -> Descriptor {
        let (operator, mode) = (PublicKey([3; 32]), RegistrationMode::Open);
        Descriptor::genesis(Vec::new(), operator, mode, Hash([4; 32]))
    }

    fn header(snapshot: u64) -> Header {
        Header {
            cluster: ClusterId([2; 32]),
            descriptors: Descriptors::of_first(descriptor()),
            made: Millis(300),
            snapshot,
        }
    }

    #[test]
    fn the_bytes_of_the_header_are_pinned() {
        let first = wire::encode(&descriptor());
        let body = [&[2; 32][..], &first, &[0, 0xac, 2, 0xac, 2]].concat();
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        let expected = [&b"cameobak\x02"[..], &length, &body].concat();
        assert_eq!(encode(&header(300)), expected);
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_none_and_an_existing_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let mut unfinished = Unfinished::create(&path, &header(2)).unwrap();
        unfinished.write(b"1").unwrap();
        assert!(unfinished.write(b"23").is_err(), "more than was announced");
        assert!(unfinished.finish(|_| Ok(())).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&path, "a photo").unwrap();
        let refused = Unfinished::create(&path, &header(2));
        assert!(matches!(refused, Err(BackupFileError::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"a photo");
        assert!(matches!(verify(&path), Err(BackupFileError::NotABackup(_))));
        // One that is cut within its header is a damaged one.
        fs::write(&path, &encode(&header(2))[..10]).unwrap();
        assert!(is_backup(&path));
        let cut = verify(&path);
        assert!(
            matches!(cut, Err(BackupFileError::Damaged { .. })),
            "{cut:?}"
        );
    }
}
