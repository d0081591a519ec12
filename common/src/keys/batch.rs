//! Verification of many signatures at once.

use ed25519_zebra::batch::{Item, Verifier};
use ed25519_zebra::{Signature, VerificationKeyBytes};
use rand_core::CryptoRng;

use super::encoding::is_sound;
use super::{PublicKey, SIGNATURE_LENGTH};

/// Signatures that are verified together when a larger batch has a wrong one. So one wrong one
/// among 64 is found for little more than verifying all singly, and 64 wrong ones for about twice
/// that: halves cost more in the worst case.
const BLOCK: usize = 8;

/// The claim that a key has signed a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureClaim {
    pub key: PublicKey,
    /// All that the signature covers, its domain too.
    pub message: Vec<u8>,
    pub signature: [u8; SIGNATURE_LENGTH],
}

impl SignatureClaim {
    /// [`PublicKey::verify`].
    #[must_use]
    pub fn verify(&self) -> bool {
        self.key.verify(&self.message, &self.signature)
    }

    fn item(&self) -> Option<Item> {
        let key = VerificationKeyBytes::from(self.key.0);
        let signature = Signature::from_bytes(&self.signature);
        is_sound(&self.key.0).then(|| Item::from((key, signature, &self.message)))
    }
}

/// Whether each claim is right, in the order of the claims: the same as [`SignatureClaim::verify`]
/// says of each, at half its cost.
///
/// The random numbers weigh the members of a batch. They affect no answer, but that a wrong
/// signature is taken for a right one with a probability of 2^-128. They must not be known to
/// those who make signatures.
#[must_use]
pub fn verify_batch(claims: &[SignatureClaim], rng: &mut impl CryptoRng) -> Vec<bool> {
    let mut right = vec![false; claims.len()];
    let items = claims.iter().map(SignatureClaim::item).enumerate();
    let items: Vec<(usize, Item)> = items.filter_map(|(at, item)| Some((at, item?))).collect();
    judge(&items, rng, &mut right);
    right
}

/// Marks the right ones of some signatures, by their place.
fn judge(items: &[(usize, Item)], rng: &mut impl CryptoRng, right: &mut [bool]) {
    if are_right(items, rng) {
        for (at, _) in items {
            right[*at] = true;
        }
    } else if items.len() > 1 {
        let part = if items.len() > BLOCK { BLOCK } else { 1 };
        for part in items.chunks(part) {
            judge(part, rng, right);
        }
    }
}

/// Whether all of these are right.
fn are_right(items: &[(usize, Item)], rng: &mut impl CryptoRng) -> bool {
    if let [(_, item)] = items {
        return item.clone().verify_single().is_ok();
    }
    let mut batch = Verifier::new();
    for (_, item) in items {
        batch.queue(item.clone());
    }
    batch.verify(rng).is_ok()
}
