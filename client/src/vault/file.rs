//! Sealing of one file, bound to its kind and place, and atomic, durable replacement of a file: a
//! crash at any point leaves the old file or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use cameo_codec::limits::MAX_CARRIER_BYTES;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::error::VaultError;
use super::home::sync_directory;

pub(super) const NONCE_BYTES: usize = 24;
pub(super) type Nonce = [u8; NONCE_BYTES];

/// Longest file that is read, in bytes: the longest carrier.
pub const FILE_LIMIT: usize = MAX_CARRIER_BYTES;

/// Name of a file that is being written. One name is enough, because writers hold the vault's lock;
/// a leftover of a crash is overwritten.
pub(super) const UNFINISHED: &str = ".unfinished";

/// Seals with XChaCha20-Poly1305, whose nonce is long enough to be random.
pub(super) fn seal(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let payload = Payload {
        msg: plain,
        aad: associated,
    };
    XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| VaultError::Encoding)
}

/// Opens a sealed text; `None` when key, nonce, associated data or text differ.
pub(super) fn open(
    key: &[u8; 32],
    nonce: &[u8],
    associated: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let nonce: Nonce = nonce.try_into().ok()?;
    let payload = Payload {
        msg: sealed,
        aad: associated,
    };
    let plain = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(nonce), payload);
    plain.ok().map(Zeroizing::new)
}

/// Reads a whole file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VaultError::io("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(VaultError::io("read", path))?;
    if bytes.len() > FILE_LIMIT {
        return Err(VaultError::damaged(path, "it is longer than the limit"));
    }
    Ok(Some(bytes))
}

/// Writes `bytes` durably to `path`. The caller holds the vault's write lock. After an error, such
/// as a full disk, the old file is unchanged.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    if bytes.len() > FILE_LIMIT {
        return Err(VaultError::TooLarge {
            size: bytes.len(),
            limit: FILE_LIMIT,
        });
    }
    let staged = Staged::new(path, bytes).map_err(VaultError::io("write", path))?;
    staged.commit().map_err(VaultError::io("replace", path))
}

/// Removes `path` durably; false when there was no file.
pub(super) fn remove(path: &Path) -> Result<bool, VaultError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(VaultError::io("remove", path)(error)),
    }
    sync_directory(folder(path)).map_err(VaultError::io("remove", path))?;
    Ok(true)
}

/// A file that is synced to the disk and not yet renamed to its path.
struct Staged<'a> {
    unfinished: PathBuf,
    path: &'a Path,
}

impl<'a> Staged<'a> {
    fn new(path: &'a Path, bytes: &[u8]) -> io::Result<Self> {
        let unfinished = folder(path).join(UNFINISHED);
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            });
        if let Err(error) = written {
            // Frees the space; the first error is the one to report.
            drop(fs::remove_file(&unfinished));
            return Err(error);
        }
        Ok(Self { unfinished, path })
    }

    fn commit(self) -> io::Result<()> {
        fs::rename(&self.unfinished, self.path)?;
        sync_directory(folder(self.path))
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_crash_before_the_rename_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        write(&path, b"old").unwrap();
        // The process crashes here: staged, and never committed.
        let _ = Staged::new(&path, b"new, and longer").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"old");
        write(&path, b"next").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"next");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        write(&path, b"old").unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(UNFINISHED)).unwrap();
        let refused = write(&path, b"new").unwrap_err();
        let VaultError::Io { source, .. } = refused else {
            panic!("{refused}")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(read(&path).unwrap().unwrap(), b"old");
        write(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"new");
    }

    #[test]
    fn files_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        write(&path, b"mine").unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn removing_a_missing_file_returns_false() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        write(&path, b"mine").unwrap();
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
        assert_eq!(read(&path).unwrap(), None);
    }
}
