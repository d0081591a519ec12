//! Interfaces to the rest of the node: stamps of entries, admission of workers, load reports, and
//! requests between nodes.

use std::sync::Arc;

use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{ClusterId, Millis, NodeId};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::genesis::Genesis;

/// Makes an entry out of a command, at the leader only, once for each time that it is appended; and
/// reads its time, at every node, and whose word a command is.
pub trait Stamp: Send + Sync {
    /// `log_time` is already bounded by the voters' median. The state machine takes the later of
    /// this and the time of the previous entry.
    /// `version` is that of the entry.
    fn stamp(&self, command: Vec<u8>, log_time: Millis, version: u16) -> Vec<u8>;

    /// The newest version of entries that this node reads.
    fn newest_version(&self) -> u16;

    /// The version of an entry; None if there is none that can be read.
    fn version_of(&self, entry: &[u8]) -> Option<u16>;

    /// The time in an entry; None if there is none that can be read.
    fn time_of(&self, entry: &[u8]) -> Option<Millis>;

    /// Whether a command rests on signatures. One that rests on a node's word is the leader's own.
    fn is_signed(&self, command: &[u8]) -> bool;
}

/// The time of the log that this node's state has reached.
pub type AppliedTime = Arc<dyn Fn() -> Millis + Send + Sync>;

/// The version of entries that this node's state has reached.
pub type AppliedVersion = Arc<dyn Fn() -> u16 + Send + Sync>;

/// The descriptors of the state that this node has applied.
pub trait AppliedDescriptors: Send + Sync {
    /// Number of the newest one; None before the first entry.
    fn number(&self) -> Option<u64>;

    /// All of them; None before the first entry.
    fn descriptors(&self) -> Option<Descriptors>;
}

/// Source of this node's load report, which is sent in each heartbeat's reply.
pub trait ReportSource: Send + Sync {
    /// The encoded report, left out when longer than `cameo_dispatch::MAX_REPORT`. Called on Raft's
    /// thread: must not block.
    fn report(&self) -> Vec<u8>;
}

/// Receiver of the other nodes' load reports at the leader.
pub trait ReportSink: Send + Sync {
    /// Called on Raft's thread: must not block.
    fn receive(&self, from: NodeId, report: &[u8], clock: Millis, at: Instant);
}

/// Requests between nodes for the layers above Raft (placement, renewals, probes), opaque here.
pub trait AppService: Send + Sync {
    /// Serves a member's request, on the runtime for such requests.
    fn serve(&self, from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Vec<u8>>;
}

/// A worker's pass. Its bytes are opaque here, and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerPass {
    /// The only cluster that the node joins.
    pub cluster: ClusterId,
    pub bytes: Vec<u8>,
}

/// Rules for the passes of workers, opaque here. The state binds each pass to one node.
pub trait WorkerGate: Send + Sync {
    /// Whether the operator of this cluster has signed the pass. Asks nobody.
    fn is_signed(&self, pass: &[u8], genesis: &Genesis) -> bool;

    /// The command that binds a pass to the node that uses it; None if it is another node's.
    fn admission(&self, pass: &[u8], node: NodeId, key: &[u8; 32]) -> Option<Vec<u8>>;

    /// Why the state that was applied here refuses that command already. None when an entry has to
    /// decide it.
    fn refusal(&self, command: &[u8]) -> Option<String>;

    /// What the state replied to that command; the text says why the node is not admitted.
    fn outcome(&self, reply: &[u8]) -> Result<(), String>;
}
