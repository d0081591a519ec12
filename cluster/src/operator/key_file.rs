//! The file with the operator's secret key: created beside the cluster's secret, kept off the
//! nodes.
//!
//! ```text
//! cameo-operator-key-1 <seed, 64 hexadecimal digits>
//! cameo-operator-key-2 <seed sealed under a passphrase, 200 hexadecimal digits>
//! ```
//! `cameo_passphrase` has the layout of what is sealed; its header is the line up to the space.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cameo_common::keys::{PublicKey, SigningKey};
use cameo_passphrase::{Fresh, OpenError, SealError};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::passphrase::{self, PassphraseError};

use crate::host::private_file::{self, PrivateFileError};
use crate::host::rng::system_bytes;

/// Before the seed.
const PLAIN: &str = "cameo-operator-key-1";
/// Before the sealed seed.
const SEALED: &str = "cameo-operator-key-2";

/// Why the operator's key cannot be read or created, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the operator's key: {0}")]
    File(#[from] PrivateFileError),
    #[error(
        "{0} is no operator's key of version 1 or 2, or it is damaged: give the file that `cameod \
         secret` wrote beside the secret"
    )]
    Unusable(PathBuf),
    #[error("the operator's key {path} cannot be opened: {why}")]
    Sealed { path: PathBuf, why: OpenError },
    #[error("the operator's key cannot be sealed, and {path} was not written: {why}")]
    Sealing { path: PathBuf, why: SealError },
    #[error("the operator's key: {0}")]
    Passphrase(#[from] PassphraseError),
    #[error("{0}")]
    Random(String),
}

/// The path of the operator's key beside a secret.
#[must_use]
pub fn beside(secret: &Path) -> PathBuf {
    let mut name = OsString::from(secret);
    name.push(".operator");
    PathBuf::from(name)
}

/// Writes a new key, sealed if there is a passphrase; never replaces an existing file. Returns its
/// public half.
///
/// # Errors
/// When the file exists, or cannot be written.
pub fn create(path: &Path, passphrase: Option<&str>) -> Result<PublicKey, KeyFileError> {
    let seed = Zeroizing::new(random()?);
    let line = match passphrase {
        None => line_of(PLAIN, seed.as_slice()),
        Some(passphrase) => {
            let (salt, nonce) = (random()?, random()?);
            let (salt, nonce) = (leading(&salt), leading(&nonce));
            let fresh = Fresh { salt, nonce };
            let header = SEALED.as_bytes();
            let sealed = cameo_passphrase::seal(passphrase.as_bytes(), header, &seed, &fresh);
            let path = path.to_owned();
            let sealed = sealed.map_err(|why| KeyFileError::Sealing { path, why })?;
            line_of(SEALED, &sealed)
        }
    };
    private_file::create(path, &line)?;
    Ok(SigningKey::from_seed(*seed).public())
}

fn random() -> Result<[u8; 32], KeyFileError> {
    system_bytes().map_err(KeyFileError::Random)
}

/// The first bytes of random ones.
fn leading<const N: usize>(random: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| random[at])
}

fn line_of(header: &str, bytes: &[u8]) -> Zeroizing<String> {
    let digits = Zeroizing::new(HEXLOWER.encode(bytes));
    Zeroizing::new(format!("{header} {}\n", *digits))
}

/// Reads a key, and asks for its passphrase if it is sealed.
///
/// # Errors
/// When the file is missing, readable by others, damaged, or of another version, or the passphrase
/// is wrong.
pub fn read(path: &Path) -> Result<SigningKey, KeyFileError> {
    read_asking(path, passphrase::find)
}

fn read_asking(
    path: &Path,
    ask: impl FnOnce() -> Result<Zeroizing<String>, PassphraseError>,
) -> Result<SigningKey, KeyFileError> {
    let text = private_file::read(path)?;
    let unusable = || KeyFileError::Unusable(path.to_owned());
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let (header, digits) = line.split_once(' ').ok_or_else(unusable)?;
    let bytes = HEXLOWER.decode(digits.as_bytes());
    let bytes = bytes.map(Zeroizing::new).map_err(|_| unusable())?;
    let seed: Zeroizing<[u8; 32]> = match header {
        PLAIN => Zeroizing::new(bytes.as_slice().try_into().map_err(|_| unusable())?),
        SEALED => {
            let opened = cameo_passphrase::open(ask()?.as_bytes(), header.as_bytes(), &bytes);
            let path = path.to_owned();
            opened.map_err(|why| KeyFileError::Sealed { path, why })?
        }
        _ => return Err(unusable()),
    };
    Ok(SigningKey::from_seed(*seed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A sealed key of low costs, whose seed is all sevens.
    const SEALED_LINE: &str = "cameo-operator-key-2 \
                               200000000100000001000000\
                               03030303030303030303030303030303\
                               050505050505050505050505050505050505050505050505\
                               f35d3c01018c1b0bc103798405d2a3887678105cdcf10b3f\
                               63c66b09587507066d7f4cc3553d6679503e69dad4043528";

    fn parse(text: &str, passphrase: Option<&str>) -> Result<SigningKey, KeyFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        private_file::create(&path, text).unwrap();
        read_asking(&path, || {
            let passphrase = passphrase.ok_or(PassphraseError::Nowhere)?;
            Ok(Zeroizing::new(passphrase.to_owned()))
        })
    }

    #[test]
    fn its_bytes_are_pinned() {
        let line = format!("cameo-operator-key-1 {}\n", "ab".repeat(32));
        let key = parse(&line, None).unwrap();
        assert_eq!(key.public(), SigningKey::from_seed([0xab; 32]).public());
        for other in [
            line.replace("-1 ", "-3 "),
            line.replace("abab", "ab"),
            line.replace("ab", "AB"),
            "ab".repeat(32),
        ] {
            let refused = parse(&other, None);
            assert!(matches!(refused, Err(KeyFileError::Unusable(_))), "{other}");
        }
        let key = parse(SEALED_LINE, Some("correct horse")).unwrap();
        assert_eq!(key.public(), SigningKey::from_seed([7; 32]).public());
    }

    #[test]
    fn a_key_that_cannot_be_sealed_is_told_apart_from_one_that_does_not_open() {
        let (path, why) = (PathBuf::from("k"), SealError);
        let told = KeyFileError::Sealing { path, why }.to_string();
        assert!(
            told.contains("cannot be sealed, and k was not written"),
            "{told}"
        );
    }

    #[test]
    fn a_key_is_read_back_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let public = create(&path, None).unwrap();
        assert_eq!(read(&path).unwrap().public(), public);
        assert!(matches!(
            create(&path, None),
            Err(KeyFileError::File(PrivateFileError::Exists(_)))
        ));
    }

    #[test]
    fn attack_a_sealed_key_does_not_open_without_its_passphrase() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let public = create(&path, Some("correct horse")).unwrap();
        let text = private_file::read(&path).unwrap();
        assert!(
            text.starts_with("cameo-operator-key-2 ") && text.len() == 222,
            "{}",
            *text
        );
        let opened = parse(&text, Some("correct horse")).unwrap();
        assert_eq!(opened.public(), public);
        // with another passphrase, or none
        assert!(matches!(
            parse(&text, Some("wrong horse")),
            Err(KeyFileError::Sealed {
                why: OpenError::Wrong,
                ..
            })
        ));
        assert!(matches!(
            parse(&text, None),
            Err(KeyFileError::Passphrase(PassphraseError::Nowhere))
        ));
        // nor is it taken for one of version 1
        let plain = text.replace("-2 ", "-1 ");
        assert!(matches!(
            parse(&plain, None),
            Err(KeyFileError::Unusable(_))
        ));
    }
}
