//! Digest of all rows that is updated row by row.
//!
//! sled detects a damaged page but not a lost one. The digest is written in the same batch as the
//! rows and compared when the database is opened. Nodes compare their states by it too (law D3).

use cameo_common::wire::{decode_versioned, encode_versioned};
use cameo_machine::LtHash;

use crate::store::meta::MetaError;

/// Version 1 had four sums of 64 bits, version 2 lanes by BLAKE3's extendable output. A state with
/// another version is rebuilt from the snapshot and the log.
const VERSION: u8 = 3;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowDigest(LtHash);

impl RowDigest {
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0.add(key, value);
    }

    /// Replaces a row; None where there is none.
    pub fn change(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        self.0.change(key, before, after);
    }

    /// The hash of the whole state.
    pub fn hash(&self) -> [u8; 32] {
        self.0.hash().0
    }

    pub fn encode(&self) -> Vec<u8> {
        encode_versioned(VERSION, &self.0.to_bytes())
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, MetaError> {
        let lanes: Vec<u8> = decode_versioned(VERSION, bytes)?;
        let sum =
            LtHash::from_bytes(&lanes).ok_or(MetaError::Damaged("a digest of another length"))?;
        Ok(Self(sum))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_machine::LTHASH_BYTES;

    use super::*;

    #[test]
    fn the_bytes_of_the_digest_are_pinned() {
        let mut digest = RowDigest::default();
        digest.add(b"key", b"value");
        let bytes = digest.encode();
        // version 3 | varint 2048 | the lanes
        assert_eq!(bytes[..7], [3, 0x80, 0x10, 0x4f, 0xd9, 0x05, 0x4d]);
        assert_eq!(bytes.len(), 3 + LTHASH_BYTES);
        assert_eq!(RowDigest::decode(&bytes).unwrap(), digest);
    }

    #[test]
    fn other_versions_and_lengths_are_refused() {
        assert!(RowDigest::decode(&[1, 0, 0, 0, 0, 0]).is_err());
        assert!(RowDigest::decode(&[2, 1, 0]).is_err());
        assert!(RowDigest::decode(&[3, 1, 0]).is_err());
    }
}
