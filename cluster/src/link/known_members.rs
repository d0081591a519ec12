//! The membership facts that a hello is checked against.

use cameo_common::ids::{ClusterId, NodeId};

/// This node's cluster and its members' keys, as known when a hello is made or checked.
pub trait KnownMembers: Send + Sync {
    /// The cluster that this node belongs to, if any.
    fn cluster(&self) -> Option<ClusterId>;
    /// A node's key by the membership.
    fn key_of(&self, node: NodeId) -> KnownKey;
}

/// A node's key by the membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownKey {
    /// The node must have this key.
    Is([u8; 32]),
    /// The node is not in the membership as known here. It may connect to join, and for bootstrap.
    Unknown,
}
