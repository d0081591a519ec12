//! Node links: authenticated, encrypted, length-prefixed frames between nodes.
//!
//! TLS 1.3 with the nodes' raw Ed25519 keys (RFC 7250) gives secrecy and the peer's key; a `hello`
//! bound to that very session proves the cluster secret, the node id and the cluster. Above it,
//! requests are opaque bytes, pipelined by id, answered in any order. What the bytes say is the
//! business of `raft/wire`; what may be asked by whom is settled here, before a byte of it is read.

mod admission;
mod client;
mod frame;
mod hello;
mod node_key;
mod refusal;
mod secret;
mod server;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

pub use admission::{Admission, KnownKey};
use cameo_common::ids::NodeId;
pub use client::{CallError, Dial, Lane, Link, Links, PendingReply};
pub use frame::{MAX_BODY_BYTES, MAX_IN_FLIGHT};
pub use hello::Purpose;
pub use node_key::{NodeKeyError, NodeKeys};
pub use refusal::Refusal;
pub use secret::{ClusterSecret, SecretError};
pub use server::{Answer, Caller, Server, Service};
pub use transport::{Accept, Stream, TcpTransport, Transport};

/// Who this node is on every link, in and out.
#[derive(Clone)]
pub struct Identity {
    /// This node's id.
    pub node: NodeId,
    /// Its keys.
    pub keys: std::sync::Arc<NodeKeys>,
    /// What every member of the cluster knows.
    pub secret: std::sync::Arc<ClusterSecret>,
    /// What this node knows of the cluster at the moment.
    pub admission: std::sync::Arc<dyn Admission>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity(node {})", self.node)
    }
}
