//! The identity of a content, and the verification of its chunks against it.

use std::io::{self, Read};
use std::sync::Arc;

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use serde::{Deserialize, Serialize};

use super::TransferError;

/// Bytes that are verified, kept and requested again as a unit.
pub const CHUNK: u64 = 256 * 1024;

/// Longest content that is accepted, in bytes; callers may set a lower limit.
pub const CONTENT_LIMIT: u64 = 1 << 30;

/// Length of one chaining value in the list, in bytes.
pub(super) const VALUE_BYTES: u64 = 32;

/// The identity of a content, for messages and manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// In bytes.
    pub length: u64,
    /// BLAKE3 of the whole content.
    pub hash: [u8; 32],
}

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            hash: *blake3::hash(bytes).as_bytes(),
        }
    }

    fn chunks(&self) -> u64 {
        self.length.div_ceil(CHUNK)
    }

    /// Length of the list of chunks in bytes. A single chunk is verified by the hash itself.
    pub(super) fn list_bytes(&self) -> u64 {
        match self.chunks() {
            0 | 1 => 0,
            chunks => chunks * VALUE_BYTES,
        }
    }

    /// Length of the body that carries this content from `offset` on, to be stated by the message
    /// before it. 0, that is no body, when nothing is left to send.
    pub fn body_length(&self, offset: u64) -> u64 {
        match self.length.saturating_sub(offset) {
            0 => 0,
            rest => self.list_bytes() + rest,
        }
    }

    /// Whether a transfer may start at `offset`.
    pub fn may_start_at(&self, offset: u64) -> bool {
        offset == self.length || (offset < self.length && offset.is_multiple_of(CHUNK))
    }

    /// Requires that the chaining values combine to the hash.
    pub(super) fn check_list(&self, list: &[ChainingValue]) -> Result<(), TransferError> {
        let fits = match self.chunks() {
            0 | 1 => list.is_empty(),
            chunks => list.len() as u64 == chunks && root(list, self.length) == self.hash,
        };
        fits.then_some(()).ok_or(TransferError::WrongChunks)
    }

    pub(super) fn check_chunk(
        &self,
        list: &[ChainingValue],
        index: u64,
        bytes: &[u8],
    ) -> Result<(), TransferError> {
        let fits = match list.get(index as usize) {
            Some(value) => *value == chunk_value(index, bytes),
            None => *blake3::hash(bytes).as_bytes() == self.hash,
        };
        fits.then_some(())
            .ok_or(TransferError::WrongChunk { index })
    }
}

fn chunk_value(index: u64, bytes: &[u8]) -> ChainingValue {
    blake3::Hasher::new()
        .set_input_offset(index * CHUNK)
        .update(bytes)
        .finalize_non_root()
}

/// The root hash over two or more values. The left half of a subtree is a power of two of bytes and
/// at least [`CHUNK`], hence whole chunks.
fn root(list: &[ChainingValue], length: u64) -> [u8; 32] {
    let (left, right, left_length) = halves(list, length);
    let left = subtree(left, left_length);
    let right = subtree(right, length - left_length);
    *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()
}

fn subtree(list: &[ChainingValue], length: u64) -> ChainingValue {
    if let [value] = list {
        return *value;
    }
    let (left, right, left_length) = halves(list, length);
    let left = subtree(left, left_length);
    let right = subtree(right, length - left_length);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

fn halves(list: &[ChainingValue], length: u64) -> (&[ChainingValue], &[ChainingValue], u64) {
    let left_length = left_subtree_len(length);
    let (left, right) = list.split_at((left_length / CHUNK) as usize);
    (left, right, left_length)
}

/// Length, hash and list of chunks of all bytes of a reader.
pub(super) fn hash_chunks(mut bytes: impl Read) -> io::Result<(Content, Arc<[ChainingValue]>)> {
    let mut hasher = blake3::Hasher::new();
    let mut list = Vec::new();
    let mut length = 0;
    let mut chunk = Vec::with_capacity(CHUNK as usize);
    loop {
        chunk.clear();
        bytes.by_ref().take(CHUNK).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        hasher.update(&chunk);
        list.push(chunk_value(list.len() as u64, &chunk));
        length += chunk.len() as u64;
    }
    if list.len() == 1 {
        list.clear();
    }
    let hash = *hasher.finalize().as_bytes();
    Ok((Content { length, hash }, list.into()))
}
