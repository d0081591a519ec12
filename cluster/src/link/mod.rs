//! Node links: authenticated, encrypted, length-prefixed frames between nodes.
//!
//! TLS 1.3 with the nodes' raw Ed25519 keys (RFC 7250) encrypts and gives the peer's key. A `hello`
//! claims node id and cluster, which must fit that key; for bootstrap, and there alone, it proves
//! the cluster secret. After it,
//! requests are opaque bytes, pipelined by id and answered in any order; their layout is in
//! `raft/rpc`. A caller's identity is established here, before any request is read.

mod client;
mod frame;
mod hello;
mod known_members;
mod node_key;
mod places;
mod refusal;
mod secret;
mod server;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

use cameo_common::ids::NodeId;
pub use client::{CallError, Dial, Lane, Link, Links, PendingReply};
pub use frame::{MAX_BODY_BYTES, MAX_IN_FLIGHT};
pub use hello::Purpose;
pub use known_members::{KnownKey, KnownMembers};
pub use node_key::{NodeKeyError, NodeKeys};
pub use refusal::Refusal;
pub use secret::{ClusterSecret, SecretError};
pub use server::{Answer, Caller, Server, Service};
pub use transport::{Accept, Stream, TcpTransport, Transport};

/// What this node authenticates with on every link, incoming and outgoing.
#[derive(Clone)]
pub struct Identity {
    /// This node's id.
    pub node: NodeId,
    /// The node's keys.
    pub keys: std::sync::Arc<NodeKeys>,
    /// The cluster secret, for bootstrap; a worker has none.
    pub secret: Option<std::sync::Arc<ClusterSecret>>,
    /// The cluster and its members' keys, as known at the moment.
    pub members: std::sync::Arc<dyn KnownMembers>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity(node {})", self.node)
    }
}
