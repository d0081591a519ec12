//! Why a node does not do what another asks of it.

use cameo_common::ids::NodeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a forwarded proposal has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ProposeRefusal {
    /// Nothing was appended; the leader may be elsewhere.
    NotLeader {
        leader: Option<NodeId>,
    },
    Unknown,
    TooLarge,
    /// Nothing was appended: the node is stopping.
    Stopping,
}

/// Why a read index was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReadRefusal {
    NotLeader { leader: Option<NodeId> },
    NoQuorum,
    Stopping,
}

/// Why the members stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub(crate) enum MemberRefusal {
    /// And who does, and where its link is.
    #[error("it does not lead")]
    NotLeader { leader: Option<(NodeId, String)> },
    /// Another change is under way, or what came of this one is not known.
    #[error("the members are being changed: ask again")]
    Unsettled,
    #[error("a member of the cluster has this id already")]
    Taken,
    #[error("the cluster has {limit} workers already, and takes no more")]
    Full { limit: u64 },
    #[error("an address has more than {limit} bytes")]
    LongAddress { limit: u64 },
    #[error("the leader cannot reach it: {why}")]
    Unreachable { why: String },
    #[error("another node answers at its address")]
    OtherNode,
    #[error("the node has a vote: only workers can be removed")]
    Votes,
    #[error("no member has this id")]
    NotAMember,
}
