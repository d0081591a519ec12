//! Probes of sessions that were reported offline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::renewals::MAX_BATCH;
use super::{PROBE_TIMEOUT, Presence};
use crate::event_stream::Streams;
use crate::node_rpc::{CallError, NodeAnswer, NodeCall, NodeRpc, ask_node};
use crate::raft::Replica;

/// For the majority's word that this node still leads.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(1);
/// For one node's answer whether it serves a stream.
const STREAM_PROBE_DEADLINE: Duration = Duration::from_millis(500);
/// For a probe as a whole, the call to the leader included.
const PROBE_DEADLINE: Duration = PROBE_TIMEOUT.saturating_add(Duration::from_secs(2));

/// Asks the leader to probe a session. Returns whether the session renewed its lease.
///
/// # Errors
/// When no leader answers in time, or it runs another version.
pub async fn probe(rpc: &NodeRpc, device: PublicKey, epoch: u64) -> Result<bool, CallError> {
    let deadline = Instant::now() + PROBE_DEADLINE;
    match rpc
        .ask_leader(NodeCall::Probe { device, epoch }, deadline)
        .await?
    {
        NodeAnswer::Probed { alive } => Ok(alive),
        _ => Err(CallError::Misunderstood),
    }
}

/// This node's answers to calls about sessions.
#[derive(Clone)]
pub struct PresenceAnswers {
    pub node: NodeId,
    pub replica: Arc<dyn Replica>,
    pub presence: Arc<Presence>,
    pub streams: Arc<Streams>,
}

impl fmt::Debug for PresenceAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresenceAnswers of node {}", self.node)
    }
}

impl PresenceAnswers {
    /// At the leader: renews the leases of sessions. A leader that is cut off does not know that
    /// another leads by now: without a majority it renews none, and says of none that it has ended.
    pub async fn renew(&self, sessions: &[(PublicKey, u64)]) -> NodeAnswer {
        if sessions.len() > MAX_BATCH {
            return NodeAnswer::Misunderstood;
        }
        let deadline = Instant::now() + CONFIRM_DEADLINE;
        if !self.presence.leads() || self.replica.barrier(deadline).await.is_err() {
            return NodeAnswer::NotLeading;
        }
        self.presence
            .renew(&*self.replica, sessions)
            .map_or(NodeAnswer::NotLeading, NodeAnswer::Renewed)
    }

    /// Sends a probe on the session's event stream, if this node serves it.
    #[must_use]
    pub fn probe_own_stream(&self, device: &PublicKey, epoch: u64) -> NodeAnswer {
        NodeAnswer::StreamProbed {
            open: self.streams.probe(device, epoch),
        }
    }

    /// At the leader: has every node send a probe on the session's event stream, and waits for a
    /// renewal. Without a stream the session counts as offline.
    pub async fn probe(&self, device: PublicKey, epoch: u64) -> NodeAnswer {
        if !self.presence.leads() {
            return NodeAnswer::NotLeading;
        }
        let since = Instant::now();
        let status = self.replica.status();
        let nodes = status.voters.keys().chain(status.learners.keys());
        let probes = nodes.map(|node| self.probe_stream(*node, device, epoch));
        let asked = join_all(probes).await.into_iter().any(|open| open);
        let alive = asked && self.presence.renewed_after(device, epoch, since).await;
        NodeAnswer::Probed { alive }
    }

    async fn probe_stream(&self, node: NodeId, device: PublicKey, epoch: u64) -> bool {
        if node == self.node {
            return self.streams.probe(&device, epoch);
        }
        let deadline = Instant::now() + STREAM_PROBE_DEADLINE;
        let call = NodeCall::ProbeStream { device, epoch };
        // A node that does not answer counts as one without the stream.
        let answer = ask_node(&*self.replica, node, &call, deadline).await;
        answer == Some(NodeAnswer::StreamProbed { open: true })
    }
}
