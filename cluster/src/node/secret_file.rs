//! The file with the cluster's secret: made once, copied to every node, readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::link::{ClusterSecret, SecretError};

/// Random bytes in a fresh secret.
const SECRET_BYTES: usize = 32;

/// Why there is no secret to be had. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error(
        "there is no secret at {0}: make one with `cameod secret {0}` and copy that file to every node"
    )]
    Missing(PathBuf),
    #[error("the secret {0} can be read by others: run `chmod 600 {0}`")]
    Permissions(PathBuf),
    #[error("{error}; make one with `cameod secret FILE`, at {path}")]
    Unfit { path: PathBuf, error: SecretError },
    #[error("{0} exists already: nothing was written; every node of a cluster needs the same one")]
    Exists(PathBuf),
    #[error("cannot use the secret {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// Reads the secret.
///
/// # Errors
/// See [`SecretFileError`].
pub fn read(path: &Path) -> Result<ClusterSecret, SecretFileError> {
    let owned = path.to_path_buf();
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SecretFileError::Missing(owned.clone()),
        _ => SecretFileError::Io {
            path: owned.clone(),
            error,
        },
    })?;
    if metadata.mode() & 0o077 != 0 {
        return Err(SecretFileError::Permissions(owned));
    }
    ClusterSecret::from_file(path).map_err(|error| SecretFileError::Unfit { path: owned, error })
}

/// Writes a fresh secret, mode 0600; never over an old one.
///
/// # Errors
/// See [`SecretFileError`].
pub fn create(path: &Path) -> Result<(), SecretFileError> {
    write(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => SecretFileError::Exists(path.to_path_buf()),
        _ => SecretFileError::Io {
            path: path.to_path_buf(),
            error,
        },
    })
}

fn write(path: &Path) -> io::Result<()> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    SysRng
        .try_fill_bytes(secret.as_mut_slice())
        .map_err(io::Error::other)?;
    let text = Zeroizing::new(HEXLOWER.encode(secret.as_slice()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_fresh_secret_is_read_back_and_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        read(&path).unwrap();
        assert!(matches!(create(&path), Err(SecretFileError::Exists(_))));
    }

    #[test]
    fn a_secret_that_is_missing_open_or_short_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let missing = read(&path).unwrap_err().to_string();
        assert!(missing.contains("cameod secret"), "{missing}");

        fs::write(&path, "short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let open = read(&path).unwrap_err().to_string();
        assert!(open.contains("chmod 600"), "{open}");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let short = read(&path).unwrap_err().to_string();
        assert!(short.contains("cameod secret"), "{short}");
    }
}
