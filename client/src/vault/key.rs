//! The key file `vault.key`: the vault's random key, wrapped under a key that Argon2id derives from
//! the passphrase. A new passphrase wraps the same key again; no record is rewritten.
//!
//! ```text
//!   0  8  "cameokey"         14  4  passes        38 24  nonce
//!   8  2  version = 1        18  4  lanes         62 48  wrapped key and its tag
//!  10  4  memory in KiB      22 16  salt          integers are little-endian
//! ```
//! The wrapping authenticates all bytes before the nonce.

use std::fmt;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::file::{self, NONCE_BYTES, Nonce, TAG_BYTES};
use super::home::{Home, KEY_FILE};
use super::lock::WriteLock;
use super::passphrase::Passphrase;

const MAGIC: &[u8; 8] = b"cameokey";
const VERSION: u16 = 1;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

const COSTS_AT: usize = MAGIC.len() + 2;
const SALT_AT: usize = COSTS_AT + 3 * 4;
const NONCE_AT: usize = SALT_AT + SALT_BYTES;
const WRAPPED_AT: usize = NONCE_AT + NONCE_BYTES;
const LENGTH: usize = WRAPPED_AT + KEY_BYTES + TAG_BYTES;

/// Argon2id costs: the second recommended option of RFC 9106, section 4.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// Upper bounds on the costs in a key file. A file with higher costs is refused.
const MEMORY_KIB_LIMIT: u32 = 1024 * 1024;
const PASSES_LIMIT: u32 = 64;
const LANES_LIMIT: u32 = 16;

/// The key of all records of one vault.
pub(super) struct VaultKey(Zeroizing<[u8; KEY_BYTES]>);

/// Argon2id parameters. They are stored in the file, so that later versions may change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretching {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; SALT_BYTES],
}

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
    pub(super) fn derive(&self, context: &'static str) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(blake3::derive_key(context, &self.0[..]))
    }

    fn wrap(&self, passphrase: &Passphrase) -> Result<Vec<u8>, VaultError> {
        let stretching = Stretching {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: random()?,
        };
        self.wrap_with(passphrase, &stretching, random()?)
    }

    fn wrap_with(
        &self,
        passphrase: &Passphrase,
        stretching: &Stretching,
        nonce: Nonce,
    ) -> Result<Vec<u8>, VaultError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        for cost in [stretching.memory_kib, stretching.passes, stretching.lanes] {
            bytes.extend(cost.to_le_bytes());
        }
        bytes.extend(stretching.salt);
        let wrapping = stretching.stretch(passphrase)?;
        let wrapped = file::seal(&wrapping, &nonce, &bytes, &self.0[..])?;
        bytes.extend(nonce);
        bytes.extend(wrapped);
        Ok(bytes)
    }

    fn unwrap(path: &Path, bytes: &[u8], passphrase: &Passphrase) -> Result<Self, VaultError> {
        if bytes.len() < COSTS_AT || !bytes.starts_with(MAGIC) {
            return Err(VaultError::damaged(path, "it is not a vault key"));
        }
        let found = u16::from_le_bytes([bytes[MAGIC.len()], bytes[MAGIC.len() + 1]]);
        if found != VERSION {
            return Err(VaultError::OtherVersion {
                path: path.to_owned(),
                found,
                known: VERSION,
            });
        }
        if bytes.len() != LENGTH {
            return Err(VaultError::damaged(path, "its length is wrong"));
        }
        let (before, rest) = bytes.split_at(NONCE_AT);
        let (nonce, wrapped) = rest.split_at(NONCE_BYTES);
        let stretching = Stretching::parse(&before[COSTS_AT..])
            .ok_or(VaultError::damaged(path, "its costs are out of bounds"))?;
        let wrapping = stretching.stretch(passphrase)?;
        let key = file::open(&wrapping, nonce, before, wrapped)
            .and_then(|key| key.as_slice().try_into().ok().map(Zeroizing::new));
        key.map(Self).ok_or_else(|| VaultError::WrongPassphrase {
            path: path.to_owned(),
            origin: passphrase.origin(),
        })
    }
}

impl Stretching {
    /// Parses costs and salt. `None` if they are out of bounds.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (costs, salt) = bytes.split_at_checked(SALT_AT - COSTS_AT)?;
        let (costs, _) = costs.as_chunks::<4>();
        let [memory_kib, passes, lanes] = *costs else {
            return None;
        };
        let stretching = Self {
            memory_kib: u32::from_le_bytes(memory_kib),
            passes: u32::from_le_bytes(passes),
            lanes: u32::from_le_bytes(lanes),
            salt: salt.try_into().ok()?,
        };
        let bounded = stretching.memory_kib <= MEMORY_KIB_LIMIT
            && stretching.passes <= PASSES_LIMIT
            && stretching.lanes <= LANES_LIMIT;
        (bounded && stretching.params().is_some()).then_some(stretching)
    }

    fn params(&self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES)).ok()
    }

    fn stretch(&self, passphrase: &Passphrase) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        let params = self.params().ok_or(VaultError::Encoding)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.bytes(), &self.salt, &mut key[..])
            .map_err(|_| VaultError::Encoding)?;
        Ok(key)
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

    use super::*;

    const CHEAP: Stretching = Stretching {
        memory_kib: 32,
        passes: 1,
        lanes: 1,
        salt: [3; SALT_BYTES],
    };

    fn wrapped() -> Vec<u8> {
        let key = VaultKey(Zeroizing::new([7; KEY_BYTES]));
        key.wrap_with(&Passphrase::given("correct horse"), &CHEAP, [5; 24])
            .unwrap()
    }

    fn unwrap(bytes: &[u8], passphrase: &str) -> Result<VaultKey, VaultError> {
        VaultKey::unwrap(Path::new(KEY_FILE), bytes, &Passphrase::given(passphrase))
    }

    #[test]
    fn the_bytes_of_the_key_file_are_pinned() {
        let bytes = wrapped();
        assert_eq!(bytes.len(), 110);
        assert_eq!(&bytes[..10], b"cameokey\x01\0");
        assert_eq!(&bytes[10..22], b"\x20\0\0\0\x01\0\0\0\x01\0\0\0");
        assert_eq!(bytes[22..38], [3; 16]);
        assert_eq!(bytes[38..62], [5; 24]);
        let pin = "f35d3c01018c1b0bc103798405d2a3887678105cdcf10b3f\
                   63c66b095875070673aeca1033973f11d5d38130370af9c8";
        assert_eq!(hex(&bytes[62..]), pin);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn only_the_right_passphrase_unwraps_the_key() {
        assert_eq!(unwrap(&wrapped(), "correct horse").unwrap().0[..], [7; 32]);
        let refused = unwrap(&wrapped(), "wrong horse").unwrap_err();
        assert!(matches!(refused, VaultError::WrongPassphrase { .. }));
    }

    #[test]
    fn attack_a_key_file_with_any_byte_changed_is_detected() {
        for at in 0..LENGTH {
            let mut bytes = wrapped();
            bytes[at] ^= 1;
            assert!(unwrap(&bytes, "correct horse").is_err(), "byte {at}");
        }
        assert!(unwrap(&wrapped()[..LENGTH - 1], "correct horse").is_err());
    }

    #[test]
    fn attack_a_key_file_with_costs_over_the_bounds_is_refused() {
        let mut bytes = wrapped();
        bytes[COSTS_AT..COSTS_AT + 4].copy_from_slice(&u32::MAX.to_le_bytes());
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
