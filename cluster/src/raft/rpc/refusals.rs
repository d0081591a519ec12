//! Reasons for which a node refuses a request of another node.

use cameo_common::ids::NodeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a forwarded proposal has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ProposeRefusal {
    /// Nothing was appended; another node may lead.
    NotLeader {
        leader: Option<NodeId>,
    },
    Unknown,
    TooLarge,
    /// Nothing was appended: the node is stopping.
    Stopping,
}

/// Why no read index was returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReadRefusal {
    NotLeader { leader: Option<NodeId> },
    NoQuorum,
    Stopping,
}

/// Why a change of the members was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub(crate) enum MemberRefusal {
    /// With the leader and the address of its link, where known.
    #[error("it is not the leader")]
    NotLeader { leader: Option<(NodeId, String)> },
    /// Another change is in progress, or the outcome of this one is unknown.
    #[error("a change of the members is in progress or its outcome is unknown: try again")]
    Unsettled,
    #[error("a member of the cluster has this id already")]
    IdTaken,
    #[error("the cluster has {limit} workers already, which is the maximum")]
    Full { limit: u64 },
    #[error("an address is longer than {limit} bytes")]
    LongAddress { limit: u64 },
    #[error("the leader cannot reach it: {why}")]
    Unreachable { why: String },
    #[error("another node answers at its address")]
    OtherNode,
    #[error("the node is a voter: only workers can be removed")]
    IsVoter,
    #[error("no member has this id")]
    NotAMember,
    #[error("the token is not accepted: {why}")]
    BadPass { why: String },
}
