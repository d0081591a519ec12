//! The key file `vault.key`: the vault's random key, sealed under the passphrase. A new passphrase
//! wraps the same key again; no record is rewritten.
//!
//! ```text
//!   0  8  "cameokey"
//!   8  2  version = 1, little-endian
//!  10  100  the key, as `cameo_passphrase` seals it with these bytes for its header
//! ```

use std::fmt;
use std::path::Path;

use cameo_passphrase::{Fresh, OpenError, SECRET_BYTES, Secret};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::file;
use super::home::{Home, KEY_FILE};
use super::lock::WriteLock;
use super::passphrase::Passphrase;

const MAGIC: &[u8; 8] = b"cameokey";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 2;

/// The key of all records of one vault.
pub(super) struct VaultKey(Secret);

impl VaultKey {
    pub(super) fn exists(home: &Home) -> bool {
        home.has_vault()
    }

    /// Draws a key and writes its file.
    ///
    /// # Errors
    /// [`VaultError::AlreadyCreated`] when the file exists.
    pub(super) fn create(home: &Home, passphrase: &Passphrase) -> Result<Self, VaultError> {
        let _lock = WriteLock::take(home)?;
        if Self::exists(home) {
            return Err(VaultError::AlreadyCreated(home.path().to_owned()));
        }
        let key = Self(Zeroizing::new(random()?));
        file::write(&home.path().join(KEY_FILE), &key.wrap(passphrase)?)?;
        Ok(key)
    }

    pub(super) fn open(home: &Home, passphrase: &Passphrase) -> Result<Self, VaultError> {
        let path = home.path().join(KEY_FILE);
        let bytes =
            file::read(&path)?.ok_or_else(|| VaultError::NotCreated(home.path().to_owned()))?;
        Self::unwrap(&path, &bytes, passphrase)
    }

    /// Replaces the file by one that only the new passphrase opens.
    pub(super) fn rewrap(&self, home: &Home, passphrase: &Passphrase) -> Result<(), VaultError> {
        let _lock = WriteLock::take(home)?;
        file::write(&home.path().join(KEY_FILE), &self.wrap(passphrase)?)
    }

    /// Derives a key for one purpose.
    pub(super) fn derive(&self, context: &'static str) -> Zeroizing<[u8; SECRET_BYTES]> {
        Zeroizing::new(blake3::derive_key(context, &self.0[..]))
    }

    fn wrap(&self, passphrase: &Passphrase) -> Result<Vec<u8>, VaultError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        let fresh = Fresh {
            salt: random()?,
            nonce: random()?,
        };
        let sealed = cameo_passphrase::seal(passphrase.bytes(), &bytes, &self.0, &fresh);
        bytes.extend(sealed.map_err(|_| VaultError::Encoding)?);
        Ok(bytes)
    }

    fn unwrap(path: &Path, bytes: &[u8], passphrase: &Passphrase) -> Result<Self, VaultError> {
        let Some((header, sealed)) = bytes.split_at_checked(HEADER_BYTES) else {
            return Err(VaultError::damaged(path, "it is not a vault key"));
        };
        if !header.starts_with(MAGIC) {
            return Err(VaultError::damaged(path, "it is not a vault key"));
        }
        let found = u16::from_le_bytes([header[MAGIC.len()], header[MAGIC.len() + 1]]);
        if found != VERSION {
            return Err(VaultError::OtherVersion {
                path: path.to_owned(),
                found,
                known: VERSION,
            });
        }
        let opened = cameo_passphrase::open(passphrase.bytes(), header, sealed);
        opened.map(Self).map_err(|error| match error {
            OpenError::Length => VaultError::damaged(path, "its length is wrong"),
            OpenError::Costs => VaultError::damaged(path, "its costs are out of bounds"),
            OpenError::Wrong => VaultError::WrongPassphrase {
                path: path.to_owned(),
                origin: passphrase.origin(),
            },
        })
    }
}

/// Random bytes from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VaultKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use data_encoding::HEXLOWER;

    use super::*;

    /// A file of low costs, whose key is all sevens.
    const PINNED: &str = "63616d656f6b65790100\
                          200000000100000001000000\
                          03030303030303030303030303030303\
                          050505050505050505050505050505050505050505050505\
                          f35d3c01018c1b0bc103798405d2a3887678105cdcf10b3f\
                          63c66b095875070673aeca1033973f11d5d38130370af9c8";

    fn wrapped() -> Vec<u8> {
        HEXLOWER.decode(PINNED.as_bytes()).unwrap()
    }

    fn unwrap(bytes: &[u8], passphrase: &str) -> Result<VaultKey, VaultError> {
        VaultKey::unwrap(Path::new(KEY_FILE), bytes, &Passphrase::given(passphrase))
    }

    #[test]
    fn the_bytes_of_the_key_file_are_pinned() {
        assert_eq!(unwrap(&wrapped(), "correct horse").unwrap().0[..], [7; 32]);
        // and what is written has the same header and length
        let key = VaultKey(Zeroizing::new([7; 32]));
        let passphrase = Passphrase::given("correct horse");
        let written = key.wrap(&passphrase).unwrap();
        assert_eq!(written.len(), wrapped().len());
        assert_eq!(written[..HEADER_BYTES], wrapped()[..HEADER_BYTES]);
        assert_eq!(unwrap(&written, "correct horse").unwrap().0[..], [7; 32]);
    }

    #[test]
    fn only_the_right_passphrase_unwraps_the_key() {
        assert_eq!(unwrap(&wrapped(), "correct horse").unwrap().0[..], [7; 32]);
        let refused = unwrap(&wrapped(), "wrong horse").unwrap_err();
        assert!(matches!(refused, VaultError::WrongPassphrase { .. }));
    }

    #[test]
    fn attack_a_key_file_with_any_byte_changed_is_detected() {
        for at in 0..wrapped().len() {
            let mut bytes = wrapped();
            bytes[at] ^= 1;
            assert!(unwrap(&bytes, "correct horse").is_err(), "byte {at}");
        }
        assert!(unwrap(&wrapped()[..wrapped().len() - 1], "correct horse").is_err());
    }

    #[test]
    fn attack_a_key_file_with_costs_over_the_bounds_is_refused() {
        let mut bytes = wrapped();
        bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let refused = unwrap(&bytes, "correct horse").unwrap_err();
        assert!(matches!(refused, VaultError::Damaged { .. }));
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut bytes = wrapped();
        bytes[8] = 2;
        let refused = unwrap(&bytes, "correct horse").unwrap_err();
        assert!(matches!(refused, VaultError::OtherVersion { found: 2, .. }));
    }
}
