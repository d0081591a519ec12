//! LtHash: a hash of a set of rows that is kept up to date row by row.
//!
//! Each row is hashed by BLAKE3, the hash is expanded to 1,024 lanes of 16 bits as a key of
//! ChaCha20 (RFC 8439), and the lanes are added; a removed row's are subtracted. So the hash
//! depends on the rows alone, not on their order or history. Unlike with XOR or with narrow sums,
//! finding two sets with one hash is as hard as a lattice problem, so the hash may be signed:
//! Bellare and Micciancio, "A new paradigm for collision-free hashing" (1997); the parameters are
//! those of Lewi et al., "Securing update propagation with homomorphic hashing" (2019).

use cameo_common::ids::Hash;
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

const LANES: usize = 1024;
/// Nonce of every expansion: a key belongs to one row.
const NONCE: [u8; 12] = [0; 12];
/// Length of the sum.
pub const LTHASH_BYTES: usize = 2 * LANES;

/// The sum over a set of rows.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Box<[u16; LANES]>);

impl LtHash {
    /// The sum over these rows.
    #[must_use]
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut sum = Self::default();
        for (key, value) in rows {
            sum.add(key, value);
        }
        sum
    }

    /// Adds a row that is not in the set.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.combine(key, value, u16::wrapping_add);
    }

    /// Removes a row that is in the set.
    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.combine(key, value, u16::wrapping_sub);
    }

    /// Replaces a row; None where there is none.
    pub fn change(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.remove(key, before);
        }
        if let Some(after) = after {
            self.add(key, after);
        }
    }

    /// The hash of the set.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    /// The lanes, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// The sum of these lanes; None for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (pairs, []) = bytes.as_chunks::<2>() else {
            return None;
        };
        let pairs: &[[u8; 2]; LANES] = pairs.try_into().ok()?;
        Some(Self(Box::new(pairs.map(u16::from_le_bytes))))
    }

    fn combine(&mut self, key: &[u8], value: &[u8], combine: impl Fn(u16, u16) -> u16) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key);
        hasher.update(value);
        // One use of each key, so a constant nonce; the stream is the keystream over zeros.
        let mut lanes = ChaCha20::new(&(*hasher.finalize().as_bytes()).into(), &NONCE.into());
        let mut expanded = [0; LTHASH_BYTES];
        lanes.apply_keystream(&mut expanded);
        for (lane, pair) in self.0.iter_mut().zip(expanded.as_chunks::<2>().0) {
            *lane = combine(*lane, u16::from_le_bytes(*pair));
        }
    }
}

impl Default for LtHash {
    /// The sum over no rows.
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl std::fmt::Debug for LtHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LtHash({})", self.hash())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashes_are_pinned() {
        let none = "be2a8de3dcf46c94ce85cdc8e07ac308f4d8a95490d956c38d780fd610db0813";
        assert_eq!(LtHash::default().hash().to_string(), none);
        // BLAKE3 of ChaCha20's keystream under BLAKE3 of u64 3, "key", "value".
        let one = LtHash::of([(&b"key"[..], &b"value"[..])]);
        let hash = "d5bc3316a6fb654c755991761306a81fc92580d814b826d8e28bd0133d29f780";
        assert_eq!(one.hash().to_string(), hash);
        assert_eq!(one.to_bytes()[..4], [0x4f, 0xd9, 0x05, 0x4d]);
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        let one = LtHash::of([(&b"key"[..], &b"value"[..])]);
        let mut bytes = one.to_bytes();
        assert_eq!(LtHash::from_bytes(&bytes), Some(one));
        bytes.push(0);
        assert_eq!(LtHash::from_bytes(&bytes), None);
        bytes.push(0);
        assert_eq!(LtHash::from_bytes(&bytes), None);
        assert_eq!(LtHash::from_bytes(&[]), None);
    }

    #[test]
    fn the_border_between_key_and_value_counts() {
        let one = LtHash::of([(&b"ab"[..], &b"c"[..])]);
        assert_ne!(one, LtHash::of([(&b"a"[..], &b"bc"[..])]));
    }

    proptest! {
        /// After any changes the sum is that of the rows that are left.
        #[test]
        fn the_hash_depends_on_the_rows_alone(
            changes in prop::collection::vec((0u8..4, prop::option::of(0u8..3)), 0..40),
        ) {
            let mut rows = BTreeMap::new();
            let mut sum = LtHash::default();
            for (key, value) in changes {
                let key = vec![key];
                let value = value.map(|value| vec![value]);
                let before = match &value {
                    Some(value) => rows.insert(key.clone(), value.clone()),
                    None => rows.remove(&key),
                };
                sum.change(&key, before.as_deref(), value.as_deref());
            }
            let rows = rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
            prop_assert_eq!(sum, LtHash::of(rows));
        }
    }
}
