//! A memory of verified signatures, so that a node verifies each once: at its edge, or when it
//! applies the entry.

use std::fmt;

use cameo_common::keys::{PublicKey, SIGNATURE_LENGTH};
use cameo_common::signed::{Strict, Verifier};
use parking_lot::Mutex;

/// Slots, each in a shard of its own lock. A signature is applied soon after it was received, so
/// few are needed; together they take 256 KiB.
const SHARDS: usize = 64;
const SLOTS: usize = 128;

type Shard = [[u8; 32]; SLOTS];

/// Remembers right signatures, and never wrong ones. What it has forgotten it verifies again, so it
/// changes no answer.
pub struct RememberedSignatures(Box<[Mutex<Shard>; SHARDS]>);

impl Default for RememberedSignatures {
    fn default() -> Self {
        let empty = || Mutex::new([[0; 32]; SLOTS]);
        Self(Box::new(std::array::from_fn(|_| empty())))
    }
}

impl Verifier for RememberedSignatures {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        let claim = claim(key, message, signature);
        let (shard, slot) = (
            usize::from(claim[0]) % SHARDS,
            usize::from(claim[1]) % SLOTS,
        );
        if self.0[shard].lock()[slot] == claim {
            return true;
        }
        let is_signed = Strict.is_signed(key, message, signature);
        if is_signed {
            self.0[shard].lock()[slot] = claim;
        }
        is_signed
    }
}

/// The hash that stands for this key, message and signature.
fn claim(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("cameo verified signature");
    hasher.update(&key.0).update(signature).update(message);
    *hasher.finalize().as_bytes()
}

impl fmt::Debug for RememberedSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RememberedSignatures")
    }
}

#[cfg(test)]
mod tests {
    use cameo_common::keys::SigningKey;

    use super::*;

    #[test]
    fn a_remembered_signature_serves_no_other_key_message_or_signature() {
        // given a signature that was verified before
        let known = RememberedSignatures::default();
        let (key, other) = (
            SigningKey::from_seed([1; 32]),
            SigningKey::from_seed([2; 32]),
        );
        let signature = key.sign(b"three views");
        for _ in 0..2 {
            assert!(known.is_signed(&key.public(), b"three views", &signature));
        }
        // then nothing else passes with it
        let mut altered = signature;
        altered[0] ^= 1;
        assert!(!known.is_signed(&other.public(), b"three views", &signature));
        assert!(!known.is_signed(&key.public(), b"four views", &signature));
        assert!(!known.is_signed(&key.public(), b"three views", &altered));
        // and a wrong one is not remembered as right
        assert!(!known.is_signed(&key.public(), b"three views", &altered));
    }

    #[test]
    fn all_are_verified_when_there_are_more_than_slots() {
        let known = RememberedSignatures::default();
        let key = SigningKey::from_seed([1; 32]);
        let signed = |number: usize| key.sign(&number.to_le_bytes());
        for number in 0..300 {
            let signature = signed(number);
            assert!(known.is_signed(&key.public(), &number.to_le_bytes(), &signature));
            assert!(!known.is_signed(&key.public(), b"else", &signature));
        }
    }
}
