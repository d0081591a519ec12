//! Ed25519 keys for signing, X25519 keys for sealing. Secrets are wiped when dropped and never
//! printed.
//!
//! There is one rule for signatures, which gives one answer singly and in batches: the key is
//! encoded canonically and not of small order, and the signature is valid by
//! [ZIP 215](https://zips.z.cash/zip-0215): s is below the group's order, R is a point, and the
//! equation holds after multiplication by the cofactor.

mod batch;
mod encoding;
#[cfg(test)]
mod tests;

use std::fmt;

use ed25519_dalek::Signer;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::{IdError, bytes_id};

pub use batch::{SignatureClaim, verify_batch};

/// Bytes in an Ed25519 signature.
pub const SIGNATURE_LENGTH: usize = 64;

bytes_id!(/** An Ed25519 public key: a user's, a device's or a node's. */ PublicKey, 32);
bytes_id!(
    /** An X25519 public key: only its holder opens what is sealed to it. */
    SealingPublic,
    32
);

impl PublicKey {
    /// Whether this key signed the message, by the one rule of this module.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> bool {
        let signature = ed25519_zebra::Signature::from_bytes(signature);
        encoding::is_sound(&self.0)
            && ed25519_zebra::VerificationKey::try_from(self.0)
                .is_ok_and(|key| key.verify(&signature, message).is_ok())
    }
}

/// An Ed25519 secret key.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The seed, for sealed storage.
    #[must_use]
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey of {}", self.public())
    }
}

/// An X25519 secret key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealingSecret([u8; 32]);

impl SealingSecret {
    /// The key of 32 secret bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes, for sealed storage and for opening.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> SealingPublic {
        let secret = x25519_dalek::StaticSecret::from(self.0);
        SealingPublic(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingSecret of {}", self.public())
    }
}
