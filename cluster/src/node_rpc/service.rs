//! Asking other nodes, and answering them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{MAX_JOBS_A_CALL, PlaceJob, Placed};
use cameo_common::ids::{ClusterId, NodeId, whole_millis};
use cameo_common::keys::PublicKey;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::wire::{NodeAnswer, NodeCall, NotPlaced, decode, encode};
use crate::event_stream::Streams;
use crate::host::rng::Entropy;
use crate::jobs::{Dispatcher, Place, PlaceError, View};
use crate::presence::{MAX_BATCH, PROBE_WAIT, Presence};
use crate::raft::Replica;
use crate::raft::WallClock;

/// How long a node has to say whether it serves a stream.
const STREAM_PROBE_DEADLINE: Duration = Duration::from_millis(500);
/// Between two attempts to find the leader.
const LEADER_RETRY: Duration = Duration::from_millis(25);
/// What a probe takes at most, its way to the leader included.
const PROBE_DEADLINE: Duration = PROBE_WAIT.saturating_add(Duration::from_secs(2));
/// How long a placement may take.
const PLACE_DEADLINE: Duration = Duration::from_secs(3);

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("no leader answers: try again in a moment")]
    NoLeader,
    #[error("the other node runs a version that does not understand this one: update both")]
    Misunderstood,
}

/// What a node answers with.
#[derive(Clone)]
pub struct Pieces {
    pub node: NodeId,
    pub cluster: ClusterId,
    pub replica: Arc<dyn Replica>,
    pub presence: Arc<Presence>,
    pub streams: Arc<Streams>,
    pub dispatcher: Arc<Dispatcher>,
    pub clock: Arc<dyn WallClock>,
    pub entropy: Entropy,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces of node {}", self.node)
    }
}

/// Both ends of the calls between nodes.
pub struct NodeCalls(Pieces);

impl fmt::Debug for NodeCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeCalls of node {}", self.0.node)
    }
}

impl NodeCalls {
    /// Both ends, over a node's pieces.
    #[must_use]
    pub fn new(pieces: Pieces) -> Self {
        Self(pieces)
    }

    /// Answers another node.
    pub async fn serve(&self, body: &[u8]) -> Vec<u8> {
        let answer = match decode(body) {
            Some(call) => self.answer(call).await,
            None => NodeAnswer::Misunderstood,
        };
        encode(&answer)
    }

    /// What a node says whose cluster has not formed.
    #[must_use]
    pub fn not_ready() -> Vec<u8> {
        encode(&NodeAnswer::NotLeading)
    }

    async fn answer(&self, call: NodeCall) -> NodeAnswer {
        match call {
            NodeCall::Renew(signs) if signs.len() > MAX_BATCH => NodeAnswer::Misunderstood,
            NodeCall::Renew(signs) => self
                .0
                .presence
                .renew(&*self.0.replica, &signs)
                .map_or(NodeAnswer::NotLeading, NodeAnswer::Renewed),
            NodeCall::Probe { device, epoch } => self.answer_probe(device, epoch).await,
            NodeCall::ProbeStream { device, epoch } => NodeAnswer::StreamProbed {
                open: self.0.streams.probe(&device, epoch),
            },
            NodeCall::Place { jobs, .. } if jobs.len() > MAX_JOBS_A_CALL => {
                NodeAnswer::Misunderstood
            }
            NodeCall::Place { jobs, client } => self.answer_place(&jobs, client),
        }
    }

    /// Has every node ask the session's event stream for a sign of life. Without a stream there is
    /// nobody to ask, and the report stands.
    async fn answer_probe(&self, device: PublicKey, epoch: u64) -> NodeAnswer {
        if !self.0.presence.leads() {
            return NodeAnswer::NotLeading;
        }
        let since = Instant::now();
        let status = self.0.replica.status();
        let nodes = status.voters.keys().chain(status.learners.keys());
        let probes = nodes.map(|node| self.probe_stream(*node, device, epoch));
        let asked = join_all(probes).await.into_iter().any(|open| open);
        let alive = asked && self.0.presence.sign_after(device, epoch, since).await;
        NodeAnswer::Probed { alive }
    }

    async fn probe_stream(&self, node: NodeId, device: PublicKey, epoch: u64) -> bool {
        if node == self.0.node {
            return self.0.streams.probe(&device, epoch);
        }
        let deadline = Instant::now() + STREAM_PROBE_DEADLINE;
        let call = encode(&NodeCall::ProbeStream { device, epoch });
        let answer = self.0.replica.ask(node, call, deadline).await;
        // A node that does not answer serves nobody.
        let answer = answer.ok().and_then(|bytes| decode(&bytes));
        answer == Some(NodeAnswer::StreamProbed { open: true })
    }

    fn answer_place(&self, jobs: &[PlaceJob], client: PublicKey) -> NodeAnswer {
        let status = self.0.replica.status();
        if status.leader != Some(self.0.node) {
            return NodeAnswer::NotLeading;
        }
        let voters = status.voters.iter().map(|member| (member, true));
        let learners = status.learners.iter().map(|member| (member, false));
        let members = voters.chain(learners).map(|((id, member), voter)| Place {
            node: *id,
            url: member.http.clone(),
            voter,
        });
        let view = View {
            now: Instant::now(),
            unix: self.0.clock.unix_millis(),
            cluster: self.0.cluster,
            term: status.term,
            members: members.collect(),
        };
        let seed = self.0.entropy.number();
        let placed = self.0.dispatcher.place_all(jobs, client, &view, seed);
        // It leads by its log, and its desk is not set up for the term yet, or not any more.
        placed.map_or(NodeAnswer::NotLeading, |placed| {
            let placed = placed.into_iter().map(|one| one.map_err(not_placed));
            NodeAnswer::Placed(placed.collect())
        })
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
        let answer = match self.0.replica.status().leader {
            None => return Ok(None),
            Some(leader) if leader == self.0.node => {
                // Boxed: a probe asks other nodes in turn.
                Box::pin(self.answer(call.clone())).await
            }
            Some(leader) => match self.0.replica.ask(leader, bytes.to_vec(), deadline).await {
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

    /// Whether a session that was reported offline gives a sign of life when asked for one.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn probe(&self, device: PublicKey, epoch: u64) -> Result<bool, CallError> {
        let deadline = Instant::now() + PROBE_DEADLINE;
        match self
            .ask_leader(NodeCall::Probe { device, epoch }, deadline)
            .await?
        {
            NodeAnswer::Probed { alive } => Ok(alive),
            _ => Err(CallError::Misunderstood),
        }
    }

    /// Which workers are to do these jobs, in their order.
    ///
    /// # Errors
    /// See [`CallError`]; the inner errors are the leader's own no to a job.
    pub async fn place(
        &self,
        jobs: Vec<PlaceJob>,
        client: PublicKey,
    ) -> Result<Vec<Result<Placed, NotPlaced>>, CallError> {
        let asked = jobs.len();
        let deadline = Instant::now() + PLACE_DEADLINE;
        match self
            .ask_leader(NodeCall::Place { jobs, client }, deadline)
            .await?
        {
            NodeAnswer::Placed(placed) if placed.len() == asked => Ok(placed),
            _ => Err(CallError::Misunderstood),
        }
    }
}

fn not_placed(error: PlaceError) -> NotPlaced {
    NotPlaced {
        code: error.code(),
        message: error.to_string(),
        retry_after_ms: error.retry_after().map(whole_millis),
    }
}
