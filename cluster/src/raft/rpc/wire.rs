//! Encoding of the messages between nodes: a version byte, then postcard.
//!
//! postcard is positional: variants and fields are only added at the end, and any other change
//! needs a new version. The tests pin the bytes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use super::messages::{
    BootstrapProbe, HeartbeatReport, NodeReply, NodeRequest, ProposedReply,
};
pub(crate) use super::refusals::{MemberRefusal, ProposeRefusal, ReadRefusal};

const WIRE_VERSION: u8 = 1;

/// A message that this version cannot decode.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    #[error("unknown message version {0}; this node supports {WIRE_VERSION}")]
    Version(u8),
    #[error("cannot decode a message: {0}")]
    Malformed(#[from] postcard::Error),
    #[error("message has bytes after its end")]
    Trailing,
    #[error("message is empty")]
    Empty,
}

pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    Ok(postcard::to_extend(message, vec![WIRE_VERSION])?)
}

/// Links are authenticated and nothing here is signed, so an overlong varint does no harm. Trailing
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
