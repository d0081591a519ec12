//! The codec key and the keys derived from it.
//!
//! The key is random per grant and determines where and how a payload lies in its carrier. Secrecy
//! does not depend on it: the payload is sealed before it is hidden.

use std::fmt;

use chacha20::ChaCha12;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 32 random bytes, fresh for each carrier.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CodecKey([u8; 32]);

impl CodecKey {
    pub const BYTES: usize = 32;

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        CodecKey(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(purpose.context(), &self.0))
    }
}

impl fmt::Debug for CodecKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodecKey(..)")
    }
}

/// Use of a derived key. The contexts are part of the format.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Layout,
    HeaderCipher,
    HeaderTag,
    PayloadCheck,
    Whitening,
    Signs,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Purpose::Layout => "cameo codec v2 layout",
            Purpose::HeaderCipher => "cameo codec v2 header cipher",
            Purpose::HeaderTag => "cameo codec v2 header tag",
            Purpose::PayloadCheck => "cameo codec v2 payload check",
            Purpose::Whitening => "cameo codec v2 whitening",
            Purpose::Signs => "cameo codec v2 signs",
        }
    }
}

/// A seekable key stream for one payload: ChaCha (RFC 8439) with twelve rounds, which is enough for
/// whitening.
///
/// The nonce comes from the header's tag, so one key never repeats a stream for two payloads.
pub(super) struct KeyStream {
    key: Zeroizing<[u8; 32]>,
    nonce: [u8; 12],
}

/// Bytes of the stream that one parallel task handles at a time.
const STREAM_PIECE: usize = 64 << 10;

impl KeyStream {
    pub(super) fn new(key: &CodecKey, purpose: Purpose, tag: &[u8; 16]) -> Self {
        #[cfg(test)]
        super::work::count(|work| work.streams += 1);
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&tag[..12]);
        KeyStream {
            key: key.derive(purpose),
            nonce,
        }
    }

    /// XORs `bytes` with the stream from `position` on.
    pub(super) fn apply(&self, position: usize, bytes: &mut [u8]) {
        let mut cipher = ChaCha12::new((&*self.key).into(), (&self.nonce).into());
        cipher.seek(position as u64);
        cipher.apply_keystream(bytes);
    }

    /// [`KeyStream::apply`] from position 0, on all threads of the current pool.
    pub(super) fn apply_all(&self, bytes: &mut [u8]) {
        use rayon::prelude::*;
        bytes
            .par_chunks_mut(STREAM_PIECE)
            .enumerate()
            .for_each(|(i, piece)| self.apply(i * STREAM_PIECE, piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(
            format!("{:?}", CodecKey::from_bytes([7; 32])),
            "CodecKey(..)"
        );
    }

    #[test]
    fn the_stream_in_pieces_is_the_stream_in_one_go() {
        let stream = KeyStream::new(&CodecKey::from_bytes([1; 32]), Purpose::Whitening, &[2; 16]);
        let mut pieces = vec![0; 3 * STREAM_PIECE + 17];
        let mut whole = pieces.clone();
        stream.apply_all(&mut pieces);
        stream.apply(0, &mut whole);
        assert_eq!(pieces, whole);
        assert_ne!(pieces[..64], [0; 64]);
    }
}
