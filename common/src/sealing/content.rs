//! The two shares, and the content key that is derived from both.

use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::{GrantId, Hash};

/// Bytes in a share and in a content key.
pub const SHARE_LENGTH: usize = 32;

/// One of the two inputs of a content key; useless without the other.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Share([u8; SHARE_LENGTH]);

impl Share {
    /// A fresh random share.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; SHARE_LENGTH];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// A share from its stored bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SHARE_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The secret bytes, for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; SHARE_LENGTH] {
        &self.0
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(secret)")
    }
}

/// The key of one grant's payload.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct ContentKey {
    key: [u8; 32],
    commitment: [u8; 32],
}

impl ContentKey {
    /// Derives the key and the commitment that binds it: ChaCha20Poly1305 alone would let one
    /// ciphertext open under two keys.
    #[allow(clippy::expect_used)]
    pub fn derive(grant: &GrantId, viewer: &Share, cluster: &Share) -> Self {
        let mut shares = zeroize::Zeroizing::new([0; 2 * SHARE_LENGTH]);
        shares[..SHARE_LENGTH].copy_from_slice(&viewer.0);
        shares[SHARE_LENGTH..].copy_from_slice(&cluster.0);
        let hkdf = Hkdf::<Sha256>::new(Some(&grant.0), shares.as_slice());
        let mut derived = Self {
            key: [0; 32],
            commitment: [0; 32],
        };
        hkdf.expand(b"cameo content key v1", &mut derived.key)
            .and_then(|()| hkdf.expand(b"cameo content commitment v1", &mut derived.commitment))
            .expect("32 bytes are within what HKDF-SHA256 gives");
        derived
    }

    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    pub fn commitment(&self) -> Hash {
        Hash(self.commitment)
    }

    pub fn is_committed_to_by(&self, commitment: &Hash) -> bool {
        self.commitment.ct_eq(&commitment.0).into()
    }
}
