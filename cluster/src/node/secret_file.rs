//! The file with the cluster's secret: created once, copied to every node that forms the cluster,
//! readable by its owner only.
//!
//! ```text
//! cameo-cluster-secret-2 <secret, 64 hexadecimal digits> <the operator's public key, 64 digits>
//! ```
//! The operator's secret key is in a file of its own beside it, which no node needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cameo_common::keys::PublicKey;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::host::private_file::{self, PrivateFileError};
use crate::host::rng::system_bytes;
use crate::link::ClusterSecret;
use crate::operator::key_file::{self, KeyFileError};

/// Prefix of the version number.
const LABEL: &str = "cameo-cluster-secret-";
const VERSION: &str = "2";
/// Bytes in a secret.
const SECRET_BYTES: usize = 32;

/// The content of the file.
#[derive(Debug, Clone)]
pub struct SecretFile {
    pub secret: Arc<ClusterSecret>,
    /// The operator's public key, which goes into the cluster's first descriptor.
    pub operator: PublicKey,
}

/// Why the secret cannot be read or created, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error(
        "there is no secret at {0}: create one with `cameod secret {0}` \
         and copy that file to every node"
    )]
    Missing(PathBuf),
    #[error(
        "the secret {0} is damaged, or of another version than {VERSION}: create one with \
         `cameod secret FILE`, and give it to every node that forms the cluster"
    )]
    Unusable(PathBuf),
    #[error(
        "{0} exists already and was not changed; every node of a cluster needs the same secret"
    )]
    Exists(PathBuf),
    #[error(
        "the secret {path} and the operator's key beside it cannot be written, and neither was: \
         {why}"
    )]
    NotWritten { path: PathBuf, why: String },
    #[error(transparent)]
    Operator(#[from] KeyFileError),
    #[error("{0}")]
    Random(String),
    #[error("the secret: {0}")]
    File(PrivateFileError),
}

/// Reads the secret.
///
/// # Errors
/// When the file is missing, readable by others, damaged, or of another version.
pub fn read(path: &Path) -> Result<SecretFile, SecretFileError> {
    let text = private_file::read(path).map_err(|error| match error {
        PrivateFileError::Missing(path) => SecretFileError::Missing(path),
        error => SecretFileError::File(error),
    })?;
    parse(&text).ok_or_else(|| SecretFileError::Unusable(path.to_owned()))
}

fn parse(text: &str) -> Option<SecretFile> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let rest = line.strip_prefix(LABEL)?.strip_prefix(VERSION)?;
    let (secret, operator) = rest.strip_prefix(' ')?.split_once(' ')?;
    let secret = HEXLOWER
        .decode(secret.as_bytes())
        .ok()
        .map(Zeroizing::new)?;
    if secret.len() != SECRET_BYTES {
        return None;
    }
    Some(SecretFile {
        secret: Arc::new(ClusterSecret::from_bytes(secret.to_vec()).ok()?),
        operator: operator.parse().ok()?,
    })
}

/// Writes a new secret, and a new operator's key in the file beside it, whose path it returns.
/// Neither replaces an existing file. With a passphrase the key is sealed.
///
/// # Errors
/// When one of the files exists, or cannot be written. Then none is left.
pub fn create(path: &Path, passphrase: Option<&str>) -> Result<PathBuf, SecretFileError> {
    if path.exists() {
        return Err(SecretFileError::Exists(path.to_owned()));
    }
    let beside = key_file::beside(path);
    let operator =
        key_file::create(&beside, passphrase).map_err(|error| not_written(path, error))?;
    let written = write(path, &operator);
    if written.is_err() {
        private_file::discard(&beside);
    }
    written.map(|()| beside)
}

/// Nobody has asked for the file of the operator's key by its name.
fn not_written(secret: &Path, error: KeyFileError) -> SecretFileError {
    let why = match error {
        KeyFileError::File(PrivateFileError::Io { error, .. }) => error.to_string(),
        KeyFileError::File(error @ PrivateFileError::NoFolder(_)) => error.to_string(),
        error => return error.into(),
    };
    let path = secret.to_owned();
    SecretFileError::NotWritten { path, why }
}

fn write(path: &Path, operator: &PublicKey) -> Result<(), SecretFileError> {
    let secret = Zeroizing::new(system_bytes().map_err(SecretFileError::Random)?);
    let digits = Zeroizing::new(HEXLOWER.encode(secret.as_slice()));
    let line = Zeroizing::new(format!("{LABEL}{VERSION} {} {operator}\n", *digits));
    private_file::create(path, &line).map_err(|error| match error {
        PrivateFileError::Exists(path) => SecretFileError::Exists(path),
        error => SecretFileError::File(error),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_secret_names_the_operators_key_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let beside = create(&path, None).unwrap();
        assert_eq!(beside, dir.path().join("secret.operator"));
        for file in [&path, &beside] {
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let key = key_file::read(&beside).unwrap();
        assert_eq!(read(&path).unwrap().operator, key.public());
        assert!(matches!(
            create(&path, None),
            Err(SecretFileError::Exists(_))
        ));
    }

    #[test]
    fn a_secret_is_not_made_for_an_operators_key_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(key_file::beside(&path), "precious").unwrap();
        assert!(matches!(
            create(&path, None),
            Err(SecretFileError::Operator(_))
        ));
        assert!(!path.exists());
        assert_eq!(fs::read(key_file::beside(&path)).unwrap(), b"precious");
    }

    #[test]
    fn a_secret_that_cannot_be_written_is_told_by_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for (folder, why) in [(dir.path().join("none"), "no folder"), (file, "Not a")] {
            let path = folder.join("x");
            let told = create(&path, None).unwrap_err().to_string();
            let named = format!("the secret {} and", path.display());
            assert!(told.starts_with(&named) && told.contains(why), "{told}");
            assert!(!told.contains("x.operator"), "{told}");
        }
    }

    #[test]
    fn its_bytes_are_pinned() {
        let (secret, operator) = ("ab".repeat(32), "cd".repeat(32));
        let line = format!("cameo-cluster-secret-2 {secret} {operator}\n");
        let read = parse(&line).unwrap();
        assert_eq!(read.operator, PublicKey([0xcd; 32]));
        for other in [
            line.replace("-2 ", "-1 "),
            line.replace("abab", "ab"),
            line.replace("cdcd", "cd"),
            line.replace('\n', "\n\n"),
            secret,
            String::new(),
        ] {
            assert!(parse(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_missing_open_or_damaged_secret_is_refused_with_what_to_do() {
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
