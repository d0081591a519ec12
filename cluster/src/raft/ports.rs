//! Interfaces to the rest of the node: stamps of entries, load reports, and requests between nodes.

use cameo_common::ids::{Millis, NodeId};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Makes an entry out of a command, at the leader only, once for each time that it is appended; and
/// reads its time, at every node.
pub trait Stamp: Send + Sync {
    /// `log_time` is already bounded by the voters' median. The state machine takes the later of
    /// this and the time of the previous entry.
    fn stamp(&self, command: Vec<u8>, log_time: Millis) -> Vec<u8>;

    /// The time in an entry; None if there is none that can be read.
    fn time_of(&self, entry: &[u8]) -> Option<Millis>;
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
