//! Calls to the leader and to other nodes, and this node's end of theirs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::envelope::{NodeAnswer, NodeCall, decode, encode};
use crate::raft::Replica;

/// Between two attempts to find the leader.
const LEADER_RETRY: Duration = Duration::from_millis(25);

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("no leader answers: try again in a moment")]
    NoLeader,
    #[error("the other node runs a version that does not understand this one: update both")]
    Misunderstood,
}

/// Answers calls at this node.
pub trait Answers: Send + Sync {
    /// The answer to one call, from another node or from this one.
    fn answer(&self, call: NodeCall) -> BoxFuture<'_, NodeAnswer>;
}

/// Both ends of the calls between nodes.
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
    /// Calls by way of `replica`; what others ask of this node goes to `answers`.
    #[must_use]
    pub fn new(node: NodeId, replica: Arc<dyn Replica>, answers: Arc<dyn Answers>) -> Self {
        Self {
            node,
            replica,
            answers,
        }
    }

    /// Answers another node.
    pub async fn serve(&self, body: &[u8]) -> Vec<u8> {
        let answer = match decode(body) {
            Some(call) => self.answers.answer(call).await,
            None => NodeAnswer::Misunderstood,
        };
        encode(&answer)
    }

    /// What a node says whose cluster has not formed.
    #[must_use]
    pub fn not_ready() -> Vec<u8> {
        encode(&NodeAnswer::NotLeading)
    }

    /// Asks whoever leads, and again while that is changing.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ask_leader(
        &self,
        call: NodeCall,
        deadline: Instant,
    ) -> Result<NodeAnswer, CallError> {
        let bytes = encode(&call);
        loop {
            match self.try_leader(&call, &bytes, deadline).await? {
                Some(answer) => return Ok(answer),
                None if Instant::now() + LEADER_RETRY >= deadline => {
                    return Err(CallError::NoLeader);
                }
                None => tokio::time::sleep(LEADER_RETRY).await,
            }
        }
    }

    /// None when nobody leads, or who leads did not answer.
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

/// Asks one node; none when no answer came that can be read.
pub async fn ask_node(
    replica: &dyn Replica,
    node: NodeId,
    call: &NodeCall,
    deadline: Instant,
) -> Option<NodeAnswer> {
    let answer = replica.ask(node, encode(call), deadline).await;
    decode(&answer.ok()?)
}
