//! Small files of secrets: created once with mode 0600, and not read when others may read them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A longer file is taken for a mistake.
const MAX_BYTES: u64 = 64 * 1024;

/// A file that cannot be read or created, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    #[error("there is no file {0}")]
    Missing(PathBuf),
    #[error("there is no folder {0}: create it first")]
    NoFolder(PathBuf),
    #[error("{0} can be read by others: run `chmod 600 {0}`")]
    Permissions(PathBuf),
    #[error("{0} exists already and was not changed")]
    Exists(PathBuf),
    #[error("{0} is longer than {MAX_BYTES} bytes, or no text")]
    NoText(PathBuf),
    #[error("cannot use {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// Reads the text of a file that only its owner can read.
///
/// # Errors
/// See [`PrivateFileError`].
pub fn read(path: &Path) -> Result<Zeroizing<String>, PrivateFileError> {
    let file = File::open(path).map_err(|error| at(path, error))?;
    let metadata = file.metadata().map_err(|error| at(path, error))?;
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        return Err(PrivateFileError::Permissions(path.to_owned()));
    }
    let no_text = || PrivateFileError::NoText(path.to_owned());
    // Never reallocated, so that no copy of the secret is left behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize + 1));
    match file.take(MAX_BYTES + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 <= MAX_BYTES => Ok(text),
        Ok(_) => Err(no_text()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(no_text()),
        Err(error) => Err(at(path, error)),
    }
}

/// Writes a new file, durably; never replaces an existing one.
///
/// # Errors
/// See [`PrivateFileError`].
pub fn create(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => PrivateFileError::Exists(path.to_owned()),
        io::ErrorKind::NotFound => {
            PrivateFileError::NoFolder(folder_of(path).unwrap_or(path).to_owned())
        }
        _ => at(path, error),
    })
}

/// Replaces a file that only its owner can read, or creates it. Durable when it returns: after a
/// crash the file has either the old bytes or the new ones.
///
/// # Errors
/// Of the system. The old file is then still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match folder_of(path) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> Option<&Path> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(Path::new(".")),
        parent => parent,
    }
}

/// Removes a file that was just created, and that nothing needs after all.
pub fn discard(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove a file that is not needed");
    }
}

fn at(path: &Path, error: io::Error) -> PrivateFileError {
    match error.kind() {
        io::ErrorKind::NotFound => PrivateFileError::Missing(path.to_owned()),
        _ => PrivateFileError::Io {
            path: path.to_owned(),
            error,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_is_for_its_owner_alone_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path, "one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(
            create(&path, "two"),
            Err(PrivateFileError::Exists(_))
        ));
        assert_eq!(*read(&path).unwrap(), "one");
    }

    #[test]
    fn a_file_in_no_folder_is_told_by_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("none");
        let told = create(&folder.join("key"), "one").unwrap_err().to_string();
        let expected = format!("there is no folder {}: create it first", folder.display());
        assert_eq!(told, expected);
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        for bytes in [&b"one and more"[..], b"two"] {
            replace(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn attack_an_open_long_or_missing_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(matches!(read(&path), Err(PrivateFileError::Missing(_))));
        create(&path, &"x".repeat(MAX_BYTES as usize + 1)).unwrap();
        assert!(matches!(read(&path), Err(PrivateFileError::NoText(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(PrivateFileError::Permissions(_))));
    }
}
