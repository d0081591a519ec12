//! The encoding of messages between nodes: a version byte, then postcard.
//!
//! postcard is positional: variants and fields are only ever added at the end, and anything else
//! takes a new version. The pinned bytes in the tests notice.

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use super::messages::{Beat, BootstrapProbe, NodeReply, NodeRequest, ProposedReply};
pub(crate) use super::refusals::{MemberRefusal, ProposeRefusal, ReadRefusal};

const WIRE_VERSION: u8 = 1;

/// A message that does not say what this version expects.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    #[error("message version {0} is unknown; this node speaks {WIRE_VERSION}")]
    Version(u8),
    #[error("message cannot be read: {0}")]
    Malformed(#[from] postcard::Error),
    #[error("message has bytes after its end")]
    Trailing,
    #[error("message is empty")]
    Empty,
}

pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    Ok(postcard::to_extend(message, vec![WIRE_VERSION])?)
}

/// Links are authenticated and nothing here is signed, so an overlong varint harms nobody; trailing
/// bytes would hide a mismatch of versions, and are refused.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&WIRE_VERSION, rest)) => match postcard::take_from_bytes(rest)? {
            (message, []) => Ok(message),
            _ => Err(WireError::Trailing),
        },
        Some((&version, _)) => Err(WireError::Version(version)),
    }
}

#[cfg(test)]
mod tests;
