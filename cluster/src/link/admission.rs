//! What a node knows of the cluster when a hello comes or goes.

use cameo_common::ids::{ClusterId, NodeId};

/// What this node knows of the cluster when a hello comes or goes.
pub trait Admission: Send + Sync {
    /// The cluster this node belongs to, once it does.
    fn cluster(&self) -> Option<ClusterId>;
    /// What the membership says of a node's key.
    fn key_of(&self, node: NodeId) -> KnownKey;
}

/// What the membership says of a node's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownKey {
    /// This key and no other.
    Is([u8; 32]),
    /// The node is not in the membership as known here. That may be news to us: a lagging node must
    /// still let a leader in that it has not heard of; secret and cluster id are proof enough.
    Unknown,
}
