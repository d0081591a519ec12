//! A memory of verified signatures, so that a node verifies each once: at its edge, or in one batch
//! with those of other entries when it applies them.

use std::collections::HashMap;
use std::fmt;

use cameo_common::keys::{PublicKey, SIGNATURE_LENGTH, SignatureClaim, verify_batch};
use cameo_common::signed::{Strict, Verifier};
use parking_lot::Mutex;
use rand::CryptoRng;

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

impl RememberedSignatures {
    /// Verifies those of the claims that are not remembered as one batch, each once. See
    /// [`verify_batch`] for the random numbers.
    #[must_use]
    pub fn verify_batch(&self, claims: Vec<SignatureClaim>, rng: &mut impl CryptoRng) -> Verdicts {
        let mut verdicts = HashMap::with_capacity(claims.len());
        let mut unknown = Vec::new();
        for claim in claims {
            let name = name(&claim.key, &claim.message, &claim.signature);
            let is_known = self.knows(&name);
            if verdicts.insert(name, is_known).is_none() && !is_known {
                unknown.push((name, claim));
            }
        }
        let (names, unknown): (Vec<_>, Vec<_>) = unknown.into_iter().unzip();
        let are_right = verify_batch(&unknown, rng);
        for (name, is_right) in names.into_iter().zip(are_right) {
            if is_right {
                self.remember(name);
            }
            verdicts.insert(name, is_right);
        }
        Verdicts(verdicts)
    }

    fn slot(&self, name: &Name) -> (&Mutex<Shard>, usize) {
        let shard = usize::from(name[0]) % SHARDS;
        (&self.0[shard], usize::from(name[1]) % SLOTS)
    }

    fn knows(&self, name: &Name) -> bool {
        let (shard, slot) = self.slot(name);
        shard.lock()[slot] == *name
    }

    fn remember(&self, name: Name) {
        let (shard, slot) = self.slot(&name);
        shard.lock()[slot] = name;
    }

    fn is_signed_as(
        &self,
        name: Name,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        if self.knows(&name) {
            return true;
        }
        let is_signed = Strict.is_signed(key, message, signature);
        if is_signed {
            self.remember(name);
        }
        is_signed
    }
}

impl Verifier for RememberedSignatures {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        self.is_signed_as(name(key, message, signature), key, message, signature)
    }
}

/// The verdicts on all claims of one batch, also the wrong ones. Unlike the memory it forgets none.
#[derive(Default)]
pub struct Verdicts(HashMap<Name, bool>);

impl Verdicts {
    /// The verifier that answers by these verdicts, and by the memory what is not among them.
    pub fn or_by<'a>(&'a self, memory: &'a RememberedSignatures) -> impl Verifier + 'a {
        VerdictsOr {
            verdicts: self,
            memory,
        }
    }
}

struct VerdictsOr<'a> {
    verdicts: &'a Verdicts,
    memory: &'a RememberedSignatures,
}

impl Verifier for VerdictsOr<'_> {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        let name = name(key, message, signature);
        match self.verdicts.0.get(&name) {
            Some(verdict) => *verdict,
            None => self.memory.is_signed_as(name, key, message, signature),
        }
    }
}

/// The hash that stands for a key, a message and a signature.
type Name = [u8; 32];

fn name(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> Name {
    let mut hasher = blake3::Hasher::new_derive_key("cameo verified signature");
    hasher.update(&key.0).update(signature).update(message);
    *hasher.finalize().as_bytes()
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verdicts on {} signatures", self.0.len())
    }
}

impl fmt::Debug for RememberedSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RememberedSignatures")
    }
}

#[cfg(test)]
mod tests {
    use cameo_common::keys::SigningKey;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn claim(number: u64) -> SignatureClaim {
        let key = SigningKey::from_seed([1; 32]);
        let message = number.to_le_bytes().to_vec();
        SignatureClaim {
            key: key.public(),
            signature: key.sign(&message),
            message,
        }
    }

    fn answer(verifier: &dyn Verifier, claim: &SignatureClaim) -> bool {
        verifier.is_signed(&claim.key, &claim.message, &claim.signature)
    }

    #[test]
    fn a_batch_has_a_verdict_on_each_claim_and_what_is_right_is_remembered() {
        // given a batch as large as any, with wrong ones and a repeated one in it, and one of which
        // is remembered
        let memory = RememberedSignatures::default();
        assert!(answer(&memory, &claim(0)));
        let mut claims: Vec<_> = (0..320).map(claim).collect();
        for at in [3, 200] {
            claims[at].message[7] ^= 1;
        }
        claims.push(claim(5));
        claims.push(claims[3].clone());
        // when
        let verdicts = memory.verify_batch(claims.clone(), &mut StdRng::seed_from_u64(1));
        // then all have their verdicts, also those that have taken the slot of another
        assert_eq!(verdicts.0.len(), 320);
        let verifier = verdicts.or_by(&memory);
        for (at, claim) in claims.iter().enumerate() {
            let is_right = ![3, 200, 321].contains(&at);
            assert_eq!(answer(&verifier, claim), is_right, "{at}");
            assert_eq!(answer(&memory, claim), is_right, "{at}");
            let name = name(&claim.key, &claim.message, &claim.signature);
            assert_eq!(verdicts.0[&name], is_right);
        }
        // and of others the rule decides
        assert!(answer(&verifier, &claim(1_000)));
        let mut wrong = claim(1_001);
        wrong.signature[0] ^= 1;
        assert!(!answer(&verifier, &wrong));
    }

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
