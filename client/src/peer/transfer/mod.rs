//! Verified, resumable transfer of large contents.
//!
//! A content is identified by its length and its plain BLAKE3 hash. BLAKE3 is a tree hash and every
//! [`CHUNK`] of a content is a whole subtree, so the list of the chunks' chaining values is
//! verified against the hash alone, and each chunk against the list as it arrives (BLAKE3 paper,
//! section
//! 6.4). The body of a transfer is that list, then the content from the receiver's offset. Only
//! verified chunks are kept.

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

/// A transfer that failed. Chunks verified before the failure are kept.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("a content of {length} bytes is over the limit of {limit}")]
    Oversized { length: u64, limit: u64 },
    #[error("the body has {found} bytes, {expected} were expected")]
    OtherLength { found: u64, expected: u64 },
    #[error("the list of chunks does not belong to the content")]
    WrongChunks,
    #[error("chunk {index} does not belong to the content")]
    WrongChunk { index: u64 },
    #[error("the kept part of the content is damaged; it is valid up to byte {good}: resume there")]
    Damaged { good: u64 },
    #[error("the content is not complete: {present} of {length} bytes")]
    Incomplete { present: u64, length: u64 },
    #[error("another transfer of the same content is in progress")]
    InProgress,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the content cannot be read or written: {0}")]
    Io(#[from] io::Error),
}
