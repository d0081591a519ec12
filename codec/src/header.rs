//! The sealed header of a carrier: 40 bytes that look random.
//!
//! Sealed in the manner of SIV (RFC 5297): the tag covers the plain header and the picture's size,
//! and the cipher stream is derived from the tag. The same key and input give the same bytes, and
//! one comparison detects a wrong key.

use subtle::ConstantTimeEq;

use super::key::{CodecKey, Purpose};
use super::{Codec, RevealError};

const VERSION: u8 = 2;
const PLAIN_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Length of a sealed header, in bytes.
pub(super) const HEADER_BYTES: usize = TAG_BYTES + PLAIN_BYTES;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub codec: Codec,
    /// Low bits used of each sample; 8 for `alpha`.
    pub depth: u8,
    /// Length of the payload in bytes.
    pub length: u64,
    pub check: [u8; 16],
}

/// Tag of a header, also the nonce of the payload's key streams.
pub(super) type Tag = [u8; TAG_BYTES];

impl Header {
    pub(super) fn new(codec: Codec, depth: u8, payload: &[u8], key: &CodecKey) -> Self {
        Header {
            codec,
            depth,
            length: payload.len() as u64,
            check: check(payload, key),
        }
    }

    /// `[version, codec, depth, length: 5 bytes little endian, check: 16 bytes]`
    fn plain(&self) -> [u8; PLAIN_BYTES] {
        assert!(
            self.length < 1 << 40,
            "payload lengths are bounded far below 2^40"
        );
        let mut plain = [0; PLAIN_BYTES];
        plain[0] = VERSION;
        plain[1] = match self.codec {
            Codec::Veil => 0,
            Codec::Alpha => 1,
        };
        plain[2] = self.depth;
        plain[3..8].copy_from_slice(&self.length.to_le_bytes()[..5]);
        plain[8..].copy_from_slice(&self.check);
        plain
    }

    pub(super) fn seal(&self, key: &CodecKey, size: (u32, u32)) -> ([u8; HEADER_BYTES], Tag) {
        let mut plain = self.plain();
        let tag = tag(&plain, key, size);
        cipher(&mut plain, key, &tag);
        let mut sealed = [0; HEADER_BYTES];
        sealed[..TAG_BYTES].copy_from_slice(&tag);
        sealed[TAG_BYTES..].copy_from_slice(&plain);
        (sealed, tag)
    }

    /// Opens bytes read from a header's place. Anything that this key did not seal is `NotOurs`.
    pub(super) fn open(
        sealed: &[u8; HEADER_BYTES],
        key: &CodecKey,
        size: (u32, u32),
    ) -> Result<(Header, Tag), RevealError> {
        #[cfg(test)]
        super::work::count(|work| work.headers += 1);
        let mut found = [0; TAG_BYTES];
        let mut plain = [0; PLAIN_BYTES];
        found.copy_from_slice(&sealed[..TAG_BYTES]);
        plain.copy_from_slice(&sealed[TAG_BYTES..]);
        cipher(&mut plain, key, &found);
        if !bool::from(tag(&plain, key, size).ct_eq(&found)) {
            return Err(RevealError::NotOurs);
        }
        let codec = match (plain[0], plain[1]) {
            (VERSION, 0) => Codec::Veil,
            (VERSION, 1) => Codec::Alpha,
            _ => return Err(RevealError::Unknown),
        };
        let mut length = [0; 8];
        length[..5].copy_from_slice(&plain[3..8]);
        let mut check = [0; 16];
        check.copy_from_slice(&plain[8..]);
        let header = Header {
            codec,
            depth: plain[2],
            length: u64::from_le_bytes(length),
            check,
        };
        Ok((header, found))
    }

    /// Checks that `payload` is the hidden one.
    pub(super) fn verify(&self, payload: &[u8], key: &CodecKey) -> Result<(), RevealError> {
        if bool::from(check(payload, key).ct_eq(&self.check)) {
            Ok(())
        } else {
            Err(RevealError::Damaged)
        }
    }
}

fn check(payload: &[u8], key: &CodecKey) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(&key.derive(Purpose::PayloadCheck));
    hasher.update_rayon(payload);
    first_16(hasher.finalize())
}

fn tag(plain: &[u8; PLAIN_BYTES], key: &CodecKey, (width, height): (u32, u32)) -> Tag {
    let mut hasher = blake3::Hasher::new_keyed(&key.derive(Purpose::HeaderTag));
    hasher.update(plain);
    hasher.update(&width.to_le_bytes());
    hasher.update(&height.to_le_bytes());
    first_16(hasher.finalize())
}

fn cipher(plain: &mut [u8; PLAIN_BYTES], key: &CodecKey, tag: &Tag) {
    let stream = blake3::keyed_hash(&key.derive(Purpose::HeaderCipher), tag);
    for (byte, mask) in plain.iter_mut().zip(stream.as_bytes()) {
        *byte ^= mask;
    }
}

fn first_16(hash: blake3::Hash) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&hash.as_bytes()[..16]);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn header(key: &CodecKey) -> Header {
        Header::new(Codec::Veil, 2, b"payload", key)
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = CodecKey::from_bytes([3; 32]);
        let (sealed, tag) = header(&key).seal(&key, (20, 30));
        assert_eq!(
            Header::open(&sealed, &key, (20, 30)).unwrap(),
            (header(&key), tag)
        );
        for bit in 0..HEADER_BYTES * 8 {
            let mut bent = sealed;
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Header::open(&bent, &key, (20, 30)),
                Err(RevealError::NotOurs)
            );
        }
        let other = CodecKey::from_bytes([4; 32]);
        for (key, size) in [(&other, (20, 30)), (&key, (30, 20))] {
            assert_eq!(Header::open(&sealed, key, size), Err(RevealError::NotOurs));
        }
    }

    #[test]
    fn a_later_version_is_refused_by_name() {
        let key = CodecKey::from_bytes([3; 32]);
        let mut plain = header(&key).plain();
        plain[0] = VERSION + 1;
        let tag = tag(&plain, &key, (1, 1));
        cipher(&mut plain, &key, &tag);
        let mut sealed = [0; HEADER_BYTES];
        sealed[..TAG_BYTES].copy_from_slice(&tag);
        sealed[TAG_BYTES..].copy_from_slice(&plain);
        assert_eq!(
            Header::open(&sealed, &key, (1, 1)),
            Err(RevealError::Unknown)
        );
    }
}
