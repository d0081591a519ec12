//! What the rest of the node gives to Raft: its stamp, its load and its own requests.

use cameo_common::ids::{Millis, NodeId};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Makes the entry out of a command, at the leader only, once for each time it is appended.
pub trait Stamp: Send + Sync {
    /// `log_time` is already bounded by the voters' median. The state machine still has to take the
    /// later of this and the time of the entry before.
    fn stamp(&self, command: Vec<u8>, log_time: Millis) -> Vec<u8>;
}

/// Where this node's load report comes from; it rides on each heartbeat's reply.
pub trait ReportSource: Send + Sync {
    /// The report as opaque bytes, at most 64 KiB. Called on Raft's thread: must not block.
    fn report(&self) -> Vec<u8>;
}

/// Where the leader takes the others' load reports.
pub trait ReportSink: Send + Sync {
    /// Called on Raft's thread: must not block.
    fn received(&self, from: NodeId, report: &[u8], clock: Millis, at: Instant);
}

/// The node's own requests between nodes (placement, renewals, probes), opaque here.
pub trait AppService: Send + Sync {
    /// Serves a member's request, on the runtime given for it.
    fn serve(&self, from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Vec<u8>>;
}
