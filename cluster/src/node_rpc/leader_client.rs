//! Client and server of calls between nodes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::envelope::{NodeAnswer, NodeCall, decode, encode};
use crate::raft::Replica;

/// Pause between two attempts to reach the leader.
const LEADER_RETRY: Duration = Duration::from_millis(25);

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("no leader answers: try again in a moment")]
    NoLeader,
    #[error("this node was removed from the cluster: ask another")]
    HasLeft,
    #[error("the other node runs a version that cannot read this node's calls: update both nodes")]
    Misunderstood,
}

/// The subsystems that answer calls at this node.
pub trait Answers: Send + Sync {
    /// The answer to one call, from another node or from this one.
    fn answer(&self, call: NodeCall) -> BoxFuture<'_, NodeAnswer>;
}

/// Client and server of calls between nodes.
pub struct NodeRpc {
    node: NodeId,
    replica: Arc<dyn Replica>,
    answers: Arc<dyn Answers>,
}

impl fmt::Debug for NodeRpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeRpc of node {}", self.node)
    }
}

impl NodeRpc {
    /// Sends calls over the links of `replica`, and serves calls with `answers`.
    #[must_use]
    pub fn new(node: NodeId, replica: Arc<dyn Replica>, answers: Arc<dyn Answers>) -> Self {
        Self {
            node,
            replica,
            answers,
        }
    }

    /// Serves the call of another node.
    pub async fn serve(&self, body: &[u8]) -> Vec<u8> {
        let answer = match decode(body) {
            Some(call) => self.answers.answer(call).await,
            None => NodeAnswer::Misunderstood,
        };
        encode(&answer)
    }

    /// The answer of a node that does not serve its cluster yet.
    #[must_use]
    pub fn not_ready() -> Vec<u8> {
        encode(&NodeAnswer::NotLeading)
    }

    /// Calls the leader, and repeats the call while there is none or it changes.
    ///
    /// # Errors
    /// When no leader answers by the deadline, or the leader runs another version.
    pub async fn ask_leader(
        &self,
        call: NodeCall,
        deadline: Instant,
    ) -> Result<NodeAnswer, CallError> {
        let bytes = encode(&call);
        loop {
            match self.try_leader(&call, &bytes, deadline).await? {
                Some(answer) => return Ok(answer),
                None if self.replica.has_left() => return Err(CallError::HasLeft),
                None if Instant::now() + LEADER_RETRY >= deadline => {
                    return Err(CallError::NoLeader);
                }
                None => tokio::time::sleep(LEADER_RETRY).await,
            }
        }
    }

    /// One attempt; `None` when there is no leader or it did not answer.
    async fn try_leader(
        &self,
        call: &NodeCall,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<Option<NodeAnswer>, CallError> {
        let answer = match self.replica.status().leader {
            None => return Ok(None),
            Some(leader) if leader == self.node => self.answers.answer(call.clone()).await,
            Some(leader) => match self.replica.ask(leader, bytes.to_vec(), deadline).await {
                Ok(answer) => decode(&answer).ok_or(CallError::Misunderstood)?,
                Err(error) => {
                    tracing::debug!(leader = leader.0, %error, "the leader does not answer");
                    return Ok(None);
                }
            },
        };
        match answer {
            NodeAnswer::NotLeading => Ok(None),
            NodeAnswer::Misunderstood => Err(CallError::Misunderstood),
            answer => Ok(Some(answer)),
        }
    }
}

/// Calls one node; `None` when there is no readable answer.
pub async fn ask_node(
    replica: &dyn Replica,
    node: NodeId,
    call: &NodeCall,
    deadline: Instant,
) -> Option<NodeAnswer> {
    let answer = replica.ask(node, encode(call), deadline).await;
    decode(&answer.ok()?)
}
