//! Encoding of the messages between nodes: a version byte, then the canonical bytes.
//!
//! The encoding is positional: variants and fields are only added at the end, and any other change
//! needs a new version. The tests pin the bytes.

use cameo_common::wire::{self, VersionError};
use serde::{Deserialize, Serialize};

pub(crate) use super::messages::{
    BootstrapProbe, DescriptorsTold, HeartbeatReport, NodeReply, NodeRequest, ProgressTold,
    ProposedReply,
};
pub(crate) use super::refusals::{MemberRefusal, ProposeRefusal, ReadRefusal};

const WIRE_VERSION: u8 = 5;

pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    wire::encode_versioned(WIRE_VERSION, message)
}

pub(crate) fn decode<'a, T: Serialize + Deserialize<'a>>(
    bytes: &'a [u8],
) -> Result<T, VersionError> {
    wire::decode_versioned(WIRE_VERSION, bytes)
}

#[cfg(test)]
mod tests;
