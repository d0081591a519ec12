//! The file with the operator's secret key: created beside the cluster's secret, kept off the
//! nodes.
//!
//! ```text
//! cameo-operator-key-1 <seed, 64 hexadecimal digits>
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cameo_common::keys::{PublicKey, SigningKey};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::host::private_file::{self, PrivateFileError};
use crate::host::rng::system_bytes;

/// Prefix of the version number.
const LABEL: &str = "cameo-operator-key-";
const VERSION: &str = "1";

/// Why the operator's key cannot be read or created, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the operator's key: {0}")]
    File(#[from] PrivateFileError),
    #[error(
        "{0} is no operator's key of version {VERSION}: give the file that `cameod secret` wrote \
         beside the secret"
    )]
    Unusable(PathBuf),
    #[error("the system has no random numbers: {0}")]
    Random(String),
}

/// The path of the operator's key beside a secret.
#[must_use]
pub fn beside(secret: &Path) -> PathBuf {
    let mut name = OsString::from(secret);
    name.push(".operator");
    PathBuf::from(name)
}

/// Writes a new key; never replaces an existing file. Returns its public half.
///
/// # Errors
/// When the file exists, or cannot be written.
pub fn create(path: &Path) -> Result<PublicKey, KeyFileError> {
    let seed = Zeroizing::new(system_bytes().map_err(KeyFileError::Random)?);
    let digits = Zeroizing::new(HEXLOWER.encode(seed.as_slice()));
    let line = Zeroizing::new(format!("{LABEL}{VERSION} {}\n", *digits));
    private_file::create(path, &line)?;
    Ok(SigningKey::from_seed(*seed).public())
}

/// Reads a key.
///
/// # Errors
/// When the file is missing, readable by others, damaged, or of another version.
pub fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    let text = private_file::read(path)?;
    parse(&text).ok_or_else(|| KeyFileError::Unusable(path.to_owned()))
}

fn parse(text: &str) -> Option<SigningKey> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let digits = line.strip_prefix(LABEL)?.strip_prefix(VERSION)?;
    let digits = digits.strip_prefix(' ')?;
    let seed = HEXLOWER
        .decode(digits.as_bytes())
        .ok()
        .map(Zeroizing::new)?;
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_slice().try_into().ok()?);
    Some(SigningKey::from_seed(*seed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn its_bytes_are_pinned() {
        let line = format!("cameo-operator-key-1 {}\n", "ab".repeat(32));
        let key = parse(&line).unwrap();
        assert_eq!(key.public(), SigningKey::from_seed([0xab; 32]).public());
        for other in [
            line.replace("-1 ", "-2 "),
            line.replace("abab", "ab"),
            line.replace("ab", "AB"),
            "ab".repeat(32),
        ] {
            assert!(parse(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_key_is_read_back_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let public = create(&path).unwrap();
        assert_eq!(read(&path).unwrap().public(), public);
        assert!(matches!(
            create(&path),
            Err(KeyFileError::File(PrivateFileError::Exists(_)))
        ));
    }
}
