//! What nodes say to each other: one enum of requests, one of replies, behind a version byte.
//!
//! postcard is positional: variants and fields are only ever added at the end, and anything else
//! takes a new version. The pinned bytes in the tests notice.

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::VoteOf;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::genesis::{Genesis, GenesisMember};
use super::types::TypeConfig;
use crate::link::ClusterId;

const WIRE_VERSION: u8 = 1;

/// A request between nodes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum NodeRequest {
    Append(AppendEntriesRequest<TypeConfig>),
    Vote(VoteRequest<TypeConfig>),
    PreVote(VoteRequest<TypeConfig>),
    TransferLeader(TransferLeaderRequest<TypeConfig>),
    /// Announces a snapshot file of `len` bytes.
    SnapshotBegin {
        len: u64,
    },
    /// The bytes at `offset` of a snapshot under way.
    SnapshotChunk {
        transfer: u64,
        offset: u64,
        #[serde(with = "super::blob")]
        bytes: Vec<u8>,
    },
    /// All bytes are there: check and install.
    SnapshotInstall {
        transfer: u64,
        vote: VoteOf<TypeConfig>,
    },
    /// The index that a linearizable read must have applied; asked of the leader.
    ReadIndex {
        patience_millis: u64,
    },
    /// A command to be proposed by the leader.
    Propose {
        #[serde(with = "super::blob")]
        command: Vec<u8>,
        patience_millis: u64,
    },
    /// For the other parts of the node.
    App(#[serde(with = "super::blob")] Vec<u8>),
    /// Forming: who are you, and is your directory empty?
    Pristine,
    /// Forming: this is the cluster; belong to it. `token` is the asked node's own.
    Form {
        genesis: Genesis,
        token: [u8; 32],
    },
}

/// A reply between nodes; each answers the request of its name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum NodeReply {
    Append {
        response: AppendEntriesResponse<TypeConfig>,
        /// On the reply to a heartbeat.
        beat: Option<Beat>,
    },
    Vote(VoteResponse<TypeConfig>),
    TransferLeader(TransferLeaderResponse<TypeConfig>),
    SnapshotBegun {
        transfer: u64,
    },
    SnapshotWritten,
    SnapshotInstalled(SnapshotResponse<TypeConfig>),
    ReadIndex(Result<u64, ReadRefusal>),
    Proposed(Result<ProposedReply, ProposeRefusal>),
    App(#[serde(with = "super::blob")] Vec<u8>),
    Pristine(Presence),
    Formed(Result<ClusterId, String>),
}

/// What rides on a heartbeat's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beat {
    /// The follower's load report.
    #[serde(with = "super::blob")]
    pub report: Vec<u8>,
    /// The follower's wall clock.
    pub unix_millis: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProposedReply {
    pub index: u64,
    #[serde(with = "super::blob")]
    pub reply: Vec<u8>,
}

/// Why a forwarded proposal has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ProposeRefusal {
    /// Nothing was appended; the leader may be elsewhere.
    NotLeader {
        leader: Option<u64>,
    },
    Unknown,
    TooLarge,
    /// Nothing was appended: the node is stopping.
    Stopping,
}

/// Why a read index was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReadRefusal {
    NotLeader { leader: Option<u64> },
    NoQuorum,
    Stopping,
}

/// What a node says of itself while a cluster is forming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Presence {
    pub member: GenesisMember,
    /// Drawn at each start: a `Form` meant for an earlier life of the node is noticed.
    pub token: [u8; 32],
    /// The cluster it belongs to, if any.
    pub cluster: Option<ClusterId>,
    /// Its log and state are empty.
    pub empty: bool,
}

/// A message that does not say what this version expects.
#[derive(Debug, Error)]
pub(super) enum WireError {
    #[error("message version {0} is unknown; this node speaks {WIRE_VERSION}")]
    Version(u8),
    #[error("message cannot be read: {0}")]
    Malformed(#[from] postcard::Error),
    #[error("message has bytes after its end")]
    Trailing,
    #[error("message is empty")]
    Empty,
}

pub(super) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    Ok(postcard::to_extend(message, vec![WIRE_VERSION])?)
}

/// Links are authenticated and nothing here is signed, so an overlong varint harms nobody; trailing
/// bytes would hide a mismatch of versions, and are refused.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&WIRE_VERSION, rest)) => match postcard::take_from_bytes(rest)? {
            (message, []) => Ok(message),
            _ => Err(WireError::Trailing),
        },
        Some((&version, _)) => Err(WireError::Version(version)),
    }
}
