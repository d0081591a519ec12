//! A secret of 32 bytes, sealed under a key that Argon2id derives from a passphrase.
//!
//! ```text
//!   0  4  memory in KiB       12 16  salt
//!   4  4  passes              28 24  nonce
//!   8  4  lanes               52 48  sealed secret and its tag
//! ```
//! Integers are little-endian. The sealing authenticates the header of the file, which its caller
//! gives, and all bytes before the nonce. The costs are stored, so that later versions may change
//! them.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const SALT_AT: usize = 3 * 4;
const NONCE_AT: usize = SALT_AT + SALT_BYTES;
const SEALED_AT: usize = NONCE_AT + NONCE_BYTES;
/// Bytes of a sealed secret.
pub const SEALED_BYTES: usize = SEALED_AT + SECRET_BYTES + TAG_BYTES;

/// The second recommended option of RFC 9106, section 4.
const COSTS: Costs = Costs {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 4,
};
/// Upper bounds on the costs that are accepted.
const LIMITS: Costs = Costs {
    memory_kib: 1024 * 1024,
    passes: 64,
    lanes: 16,
};

/// A secret of a file.
pub type Secret = Zeroizing<[u8; SECRET_BYTES]>;

/// Fresh random bytes for one sealing.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    pub salt: [u8; SALT_BYTES],
    pub nonce: [u8; NONCE_BYTES],
}

/// A secret that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("its length is wrong")]
    Length,
    #[error("its costs are out of bounds")]
    Costs,
    #[error("the passphrase is wrong, or the file was changed")]
    Wrong,
}

/// A secret that cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of the passphrase cannot be derived: that takes 64 MiB of memory")]
pub struct SealError;

/// Argon2id costs.
#[derive(Clone, Copy)]
struct Costs {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Seals a secret in a file with this header.
///
/// # Errors
/// [`SealError`] when there is not the memory for it.
pub fn seal(
    passphrase: &[u8],
    header: &[u8],
    secret: &Secret,
    fresh: &Fresh,
) -> Result<Vec<u8>, SealError> {
    seal_at(COSTS, passphrase, header, secret, fresh)
}

fn seal_at(
    costs: Costs,
    passphrase: &[u8],
    header: &[u8],
    secret: &Secret,
    fresh: &Fresh,
) -> Result<Vec<u8>, SealError> {
    let mut bytes = Vec::with_capacity(SEALED_BYTES);
    for cost in [costs.memory_kib, costs.passes, costs.lanes] {
        bytes.extend(cost.to_le_bytes());
    }
    bytes.extend(fresh.salt);
    let key = costs.stretch(passphrase, &fresh.salt);
    let key = key.map_err(|_| SealError)?;
    let payload = Payload {
        msg: secret.as_slice(),
        aad: &[header, &bytes].concat(),
    };
    let sealed = XChaCha20Poly1305::new((&*key).into())
        .encrypt(&XNonce::from(fresh.nonce), payload)
        .map_err(|_| SealError)?;
    bytes.extend(fresh.nonce);
    bytes.extend(sealed);
    Ok(bytes)
}

/// Opens a secret of a file with this header.
///
/// # Errors
/// See [`OpenError`].
pub fn open(passphrase: &[u8], header: &[u8], bytes: &[u8]) -> Result<Secret, OpenError> {
    if bytes.len() != SEALED_BYTES {
        return Err(OpenError::Length);
    }
    let (before, rest) = bytes.split_at(NONCE_AT);
    let (nonce, sealed) = rest.split_at(NONCE_BYTES);
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| OpenError::Length)?;
    let (costs, salt) = before.split_at(SALT_AT);
    let key = Costs::parse(costs)?.stretch(passphrase, salt)?;
    let payload = Payload {
        msg: sealed,
        aad: &[header, before].concat(),
    };
    let plain = XChaCha20Poly1305::new((&*key).into())
        .decrypt(&XNonce::from(nonce), payload)
        .map(Zeroizing::new);
    let plain = plain.map_err(|_| OpenError::Wrong)?;
    let secret = plain.as_slice().try_into().map_err(|_| OpenError::Length)?;
    Ok(Zeroizing::new(secret))
}

impl Costs {
    fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let (costs, _) = bytes.as_chunks::<4>();
        let [memory_kib, passes, lanes] = *costs else {
            return Err(OpenError::Length);
        };
        let costs = Self {
            memory_kib: u32::from_le_bytes(memory_kib),
            passes: u32::from_le_bytes(passes),
            lanes: u32::from_le_bytes(lanes),
        };
        let is_bounded = costs.memory_kib <= LIMITS.memory_kib
            && costs.passes <= LIMITS.passes
            && costs.lanes <= LIMITS.lanes;
        is_bounded.then_some(costs).ok_or(OpenError::Costs)
    }

    fn stretch(self, passphrase: &[u8], salt: &[u8]) -> Result<Secret, OpenError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(SECRET_BYTES));
        let params = params.map_err(|_| OpenError::Costs)?;
        let mut key = Zeroizing::new([0; SECRET_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, &mut key[..])
            .map_err(|_| OpenError::Costs)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CHEAP: Costs = Costs {
        memory_kib: 32,
        passes: 1,
        lanes: 1,
    };
    const HEADER: &[u8] = b"cameokey\x01\0";

    #[test]
    fn a_secret_at_costs_that_do_not_serve_is_not_sealed() {
        let costs = Costs { lanes: 0, ..CHEAP };
        let fresh = Fresh {
            salt: [3; SALT_BYTES],
            nonce: [5; NONCE_BYTES],
        };
        let secret = Zeroizing::new([7; SECRET_BYTES]);
        let sealed = seal_at(costs, b"correct horse", HEADER, &secret, &fresh);
        assert_eq!(sealed, Err(SealError));
    }

    fn sealed() -> Vec<u8> {
        let fresh = Fresh {
            salt: [3; SALT_BYTES],
            nonce: [5; NONCE_BYTES],
        };
        let secret = Zeroizing::new([7; SECRET_BYTES]);
        seal_at(CHEAP, b"correct horse", HEADER, &secret, &fresh).unwrap()
    }

    /// The bytes of `vault.key`, version 1, behind its header: files of before open.
    #[test]
    fn its_bytes_are_pinned() {
        let bytes = sealed();
        assert_eq!(bytes.len(), 100);
        assert_eq!(&bytes[..12], b"\x20\0\0\0\x01\0\0\0\x01\0\0\0");
        assert_eq!(bytes[12..28], [3; 16]);
        assert_eq!(bytes[28..52], [5; 24]);
        let hex: String = bytes[52..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let pin = "f35d3c01018c1b0bc103798405d2a3887678105cdcf10b3f\
                   63c66b095875070673aeca1033973f11d5d38130370af9c8";
        assert_eq!(hex, pin);
    }

    #[test]
    fn only_the_right_passphrase_opens_it() {
        let opened = open(b"correct horse", HEADER, &sealed()).unwrap();
        assert_eq!(opened[..], [7; 32]);
        let wrong = open(b"wrong horse", HEADER, &sealed());
        assert_eq!(wrong, Err(OpenError::Wrong));
    }

    #[test]
    fn attack_a_sealed_secret_with_any_byte_changed_is_refused() {
        for at in 0..SEALED_BYTES {
            let mut bytes = sealed();
            bytes[at] ^= 1;
            assert!(open(b"correct horse", HEADER, &bytes).is_err(), "byte {at}");
        }
        let another = open(b"correct horse", b"cameokey\x02\0", &sealed());
        assert_eq!(another, Err(OpenError::Wrong));
        for bytes in [&sealed()[1..], &sealed()[..SEALED_BYTES - 1], &[]] {
            assert_eq!(
                open(b"correct horse", HEADER, bytes),
                Err(OpenError::Length)
            );
        }
    }

    #[test]
    fn attack_costs_over_the_bounds_are_refused() {
        for at in [0, 4, 8] {
            let mut bytes = sealed();
            bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
            let refused = open(b"correct horse", HEADER, &bytes);
            assert_eq!(refused, Err(OpenError::Costs));
        }
    }
}
