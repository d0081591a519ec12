//! Bytes of the files of quarantine: magic, version, canonical bytes, CRC-32 (little endian) of all
//! bytes before it.

use cameo_common::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum EnvelopeError {
    #[error("it has version {0}, which this build does not read")]
    UnknownVersion(u8),
    #[error("it is damaged")]
    Damaged,
}

pub(crate) fn encode(magic: &[u8; 8], version: u8, content: &impl Serialize) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(wire::encode_versioned(version, content));
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

pub(crate) fn decode<T: Serialize + DeserializeOwned>(
    magic: &[u8; 8],
    version: u8,
    bytes: &[u8],
) -> Result<T, EnvelopeError> {
    let damaged = EnvelopeError::Damaged;
    let (head, sum) = bytes.split_last_chunk::<4>().ok_or(damaged)?;
    if crc32fast::hash(head).to_le_bytes() != *sum {
        return Err(damaged);
    }
    let content = head.strip_prefix(magic).ok_or(damaged)?;
    match content.first() {
        Some(found) if *found == version => {}
        Some(other) => return Err(EnvelopeError::UnknownVersion(*other)),
        None => return Err(damaged),
    }
    wire::decode_versioned(version, content).map_err(|_| damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_damage() {
        let good = encode(b"cameotst", 1, &(7u64, "words"));
        assert_eq!(
            decode(b"cameotst", 1, &good),
            Ok((7u64, "words".to_owned()))
        );
        for at in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let found = decode::<(u64, String)>(b"cameotst", 1, &flipped);
            assert_eq!(found, Err(EnvelopeError::Damaged), "bit {at}");
        }
    }
}
