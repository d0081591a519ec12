//! The file with the cluster's secret: created once, copied to every node, readable by its owner
//! only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::link::{ClusterSecret, SecretError};

/// Random bytes in a new secret.
const SECRET_BYTES: usize = 32;

/// Why the secret cannot be read or created, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error(
        "there is no secret at {0}: create one with `cameod secret {0}` \
         and copy that file to every node"
    )]
    Missing(PathBuf),
    #[error("the secret {0} can be read by others: run `chmod 600 {0}`")]
    Permissions(PathBuf),
    #[error("the secret {path} cannot be used: {error}; create one with `cameod secret FILE`")]
    Unusable { path: PathBuf, error: SecretError },
    #[error(
        "{0} exists already and was not changed; every node of a cluster needs the same secret"
    )]
    Exists(PathBuf),
    #[error("cannot use the secret {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// Reads the secret.
///
/// # Errors
/// When the file is missing, readable by others, too short, or cannot be read.
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
    ClusterSecret::from_file(path).map_err(|error| SecretFileError::Unusable { path: owned, error })
}

/// Writes a new secret with mode 0600; never replaces an existing file.
///
/// # Errors
/// When the file exists, or cannot be written.
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
    fn a_new_secret_is_readable_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        read(&path).unwrap();
        assert!(matches!(create(&path), Err(SecretFileError::Exists(_))));
    }

    #[test]
    fn a_missing_open_or_short_secret_is_refused_with_what_to_do() {
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
