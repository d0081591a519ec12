//! openraft's types with this node's type parameters.

pub(crate) mod aliases;

use std::fmt;

use cameo_common::ids::NodeId;
use serde::{Deserialize, Serialize};

/// A node's data in the membership: the addresses of its link and its HTTP API, and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Member {
    /// `host:port` of the node link.
    pub link: String,
    /// Base URL of the HTTP API, `https://host:port`.
    pub http: String,
    /// Ed25519 key that the node proves on each link, 32 bytes.
    pub key: [u8; 32],
}

/// A `machine::Entry`, encoded once by the leader for the log and the network.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBytes(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl fmt::Debug for EntryBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for EntryBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A `machine::Reply`, encoded. Empty for blank and membership entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ReplyBytes(#[serde(with = "serde_bytes")] pub Vec<u8>);

openraft::declare_raft_types!(
    pub TypeConfig:
        D = EntryBytes,
        R = ReplyBytes,
        NodeId = NodeId,
        Node = Member,
        // At most one leader a term (law R1): tickets and leases name the term alone.
        LeaderId = openraft::impls::leader_id_std::LeaderId<Self::Term, Self::NodeId>,
);
