//! Large contents that may be cut at any byte and go on where they ended.
//!
//! A content is named by its length and its plain BLAKE3 hash. BLAKE3 is a tree, and
//! every [`CHUNK`] of a content is a whole subtree of it, so the list of the chunks'
//! chaining values can be checked against the hash alone, and each chunk against the
//! list as it arrives (BLAKE3 paper, section 6.4). A transfer's body is that list, then
//! the content from an offset that the receiver names. Only checked chunks are kept.

mod content;
mod partial;
mod source;

#[cfg(test)]
mod tests;

use std::io;

use super::body::BodyError;

pub use content::{CHUNK, CONTENT_LIMIT, Content};
pub use partial::Partial;
pub use source::Source;

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("a content of {length} bytes is over the limit of {limit}")]
    Oversized { length: u64, limit: u64 },
    #[error("the body is {found} bytes long where {expected} were due")]
    OtherLength { found: u64, expected: u64 },
    #[error("the list of chunks does not belong to the content")]
    WrongChunks,
    #[error("chunk {index} does not belong to the content")]
    WrongChunk { index: u64 },
    #[error(
        "what was kept of the content is damaged; it is good up to byte {good}, ask from there"
    )]
    Damaged { good: u64 },
    #[error("the content is not complete: {present} of {length} bytes")]
    Incomplete { present: u64, length: u64 },
    #[error("another transfer of the same content is in progress")]
    InProgress,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the content cannot be read or kept: {0}")]
    Io(#[from] io::Error),
}
