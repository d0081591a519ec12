//! A memory of verified signatures, so that a node verifies each once: at its edge, or in one batch
//! with those of other entries when it applies them.

use std::collections::HashSet;
use std::fmt;

use cameo_common::keys::{PublicKey, SIGNATURE_LENGTH, SignatureClaim, verify_batch};
use cameo_common::signed::{Strict, Verifier};
use parking_lot::Mutex;
use rand::CryptoRng;

/// Slots, each in a shard of its own lock: 2 MiB, so that of a batch hardly two signatures fall
/// into one. What is forgotten is verified singly.
const SHARDS: usize = 64;
const SLOTS: usize = 1024;

type Shard = Vec<[u8; 32]>;

/// Remembers right signatures, and never wrong ones. What it has forgotten it verifies again, so it
/// changes no answer.
pub struct RememberedSignatures([Mutex<Shard>; SHARDS]);

impl Default for RememberedSignatures {
    fn default() -> Self {
        let empty = || Mutex::new(vec![[0; 32]; SLOTS]);
        Self(std::array::from_fn(|_| empty()))
    }
}

impl RememberedSignatures {
    /// Verifies those of the claims that are not remembered as one batch, each once, and remembers
    /// the right ones. See [`verify_batch`] for the random numbers.
    pub fn learn(&self, claims: Vec<SignatureClaim>, rng: &mut impl CryptoRng) {
        let mut asked = HashSet::with_capacity(claims.len());
        let (mut names, mut unknown) = (Vec::new(), Vec::new());
        for claim in claims {
            let name = name(&claim.key, &claim.message, &claim.signature);
            if asked.insert(name) && !self.knows(&name) {
                names.push(name);
                unknown.push(claim);
            }
        }
        let are_right = verify_batch(&unknown, rng);
        for (name, is_right) in names.into_iter().zip(are_right) {
            if is_right {
                self.remember(name);
            }
        }
    }

    fn slot(&self, name: &Name) -> (&Mutex<Shard>, usize) {
        let shard = usize::from(name[0]) % SHARDS;
        let slot = u16::from_le_bytes([name[1], name[2]]);
        (&self.0[shard], usize::from(slot) % SLOTS)
    }

    fn knows(&self, name: &Name) -> bool {
        let (shard, slot) = self.slot(name);
        shard.lock()[slot] == *name
    }

    fn remember(&self, name: Name) {
        let (shard, slot) = self.slot(&name);
        shard.lock()[slot] = name;
    }
}

impl Verifier for RememberedSignatures {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        let name = name(key, message, signature);
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

/// The hash that stands for a key, a message and a signature.
type Name = [u8; 32];

fn name(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> Name {
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
    use std::sync::atomic::{AtomicBool, Ordering};

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
    fn what_is_right_in_a_batch_is_remembered_and_what_is_wrong_is_not() {
        // given a batch as large as any, with wrong ones and repeated ones in it
        let memory = RememberedSignatures::default();
        let mut claims: Vec<_> = (0..320).map(claim).collect();
        for at in [3, 200] {
            claims[at].message[7] ^= 1;
        }
        claims.push(claim(5));
        claims.push(claims[3].clone());
        // when
        memory.learn(claims.clone(), &mut StdRng::seed_from_u64(1));
        // then the memory answers by the rule, also for those that have taken another's slot
        let name = |claim: &SignatureClaim| name(&claim.key, &claim.message, &claim.signature);
        let known = claims.iter().filter(|claim| memory.knows(&name(claim)));
        assert!(known.count() > 300);
        for (at, claim) in claims.iter().enumerate() {
            assert_eq!(answer(&memory, claim), ![3, 200, 321].contains(&at), "{at}");
        }
    }

    #[test]
    fn attack_a_repeated_signature_whose_slot_others_take_meanwhile_stays_right() {
        // given a signature that is in one batch many times, and is known
        let memory = RememberedSignatures::default();
        let repeated = claim(0);
        let name = name(&repeated.key, &repeated.message, &repeated.signature);
        let mut other = name;
        other[31] ^= 1;
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            // while others take its slot, again and again
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    memory.remember(other);
                    memory.remember(name);
                }
            });
            for round in 0..50 {
                let claims = vec![repeated.clone(); 320];
                memory.learn(claims, &mut StdRng::seed_from_u64(round));
                // then it is right all the same
                assert!(answer(&memory, &repeated));
            }
            done.store(true, Ordering::Relaxed);
        });
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
