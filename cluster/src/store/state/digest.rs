//! Digest of all rows that can be updated row by row.
//!
//! sled detects a damaged page but not a lost one. The sum of the hashes of all rows is written in
//! the same batch as the rows and compared when the database is opened. It protects against
//! accidents, not against forgery: snapshots and `State::hash` do that.

use cameo_common::wire::{decode_versioned, encode_versioned};

use crate::store::meta::MetaError;

const VERSION: u8 = 1;
const LANES: usize = 4;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RowDigest {
    rows: u64,
    sum: [u64; LANES],
}

impl RowDigest {
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        for (sum, lane) in self.sum.iter_mut().zip(lanes(key, value)) {
            *sum = sum.wrapping_add(lane);
        }
    }

    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        for (sum, lane) in self.sum.iter_mut().zip(lanes(key, value)) {
            *sum = sum.wrapping_sub(lane);
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        encode_versioned(VERSION, &(self.rows, self.sum))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, MetaError> {
        let (rows, sum) = decode_versioned(VERSION, bytes)?;
        Ok(Self { rows, sum })
    }
}

fn lanes(key: &[u8], value: &[u8]) -> [u64; LANES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(value);
    let hash = hasher.finalize();
    let mut lanes = [0; LANES];
    for (lane, bytes) in lanes.iter_mut().zip(hash.as_bytes().as_chunks::<8>().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
    lanes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_digest_depends_on_the_rows_and_not_on_their_history() {
        let mut one = RowDigest::default();
        one.add(b"a", b"1");
        one.add(b"b", b"2");
        let mut two = RowDigest::default();
        two.add(b"b", b"0");
        two.add(b"a", b"1");
        assert_ne!(one, two);
        two.remove(b"b", b"0");
        two.add(b"b", b"2");
        assert_eq!(one, two);
        assert_eq!(RowDigest::decode(&one.encode()).unwrap(), one);
    }

    #[test]
    fn the_bytes_of_the_digest_are_pinned() {
        assert_eq!(RowDigest::default().encode(), [1, 0, 0, 0, 0, 0]);
        let digest = RowDigest {
            rows: 300,
            sum: [1, 2, 128, 0],
        };
        assert_eq!(digest.encode(), [1, 0xac, 2, 1, 2, 0x80, 1, 0]);
        assert!(RowDigest::decode(&[2, 0, 0, 0, 0, 0]).is_err());
    }
}
