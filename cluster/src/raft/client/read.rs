//! Linearizable reads on any node. The leader returns an index, confirmed by a quorum after the
//! read began, and the read waits until this node has applied it.
//!
//! All reads that arrive during a round share the next one.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{NodeId, whole_millis};
use cameo_mutant::{Mutant, is_planted};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::retry::pause_before_retry;
use crate::link::{Lane, Links};
use crate::raft::engine::consensus::{Consensus, ReadIndex};
use crate::raft::engine::node_state::NodeState;
use crate::raft::members::member_view::MemberView;
use crate::raft::quarantine::{Closed, Gate};
use crate::raft::rpc::wire::{NodeReply, NodeRequest, ReadRefusal, decode, encode};

/// Most readers that wait for a round; others fail with `NoLeader`.
const MAX_WAITING: usize = 8192;
/// Time limit for one attempt at one leader; there may be a new leader by then.
const ATTEMPT: Duration = Duration::from_millis(500);

/// Why a linearizable read is not possible now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error("no leader with a quorum answered in time")]
    NoLeader,
    #[error("this node is behind and did not catch up in time; ask another")]
    Behind,
    #[error("this node is stopping; use another")]
    Stopping,
    #[error("this node was removed from the cluster; use another")]
    HasLeft,
    #[error("{0}; use another")]
    TakesNoPart(Closed),
}

/// A reader that waits for an index.
pub(crate) struct Reader {
    deadline: Instant,
    answer: oneshot::Sender<Result<u64, ReadError>>,
}

/// The queue of readers: the sender for readers, the receiver for rounds.
pub(crate) fn queue() -> (mpsc::Sender<Reader>, mpsc::Receiver<Reader>) {
    mpsc::channel(MAX_WAITING)
}

/// Linearizable reads at this node.
pub(crate) struct Reads {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub members: Arc<MemberView>,
    pub links: Links,
    pub applied: watch::Receiver<u64>,
    pub readers: mpsc::Sender<Reader>,
    pub gate: Arc<Gate>,
}

impl Reads {
    /// Waits until this node has applied everything that was acknowledged before the call; returns
    /// an applied index.
    pub(crate) async fn barrier(&self, deadline: Instant) -> Result<u64, ReadError> {
        let index = self.confirmed_index(deadline).await?;
        let mut applied = self.applied.clone();
        // Without room nothing new is applied, but for what is on its way.
        let deadline = match self.node.space.is_low() {
            true => deadline.min(Instant::now() + ATTEMPT),
            false => deadline,
        };
        match timeout_at(deadline, applied.wait_for(|applied| *applied >= index)).await {
            // A proof may have come meanwhile.
            Ok(Ok(applied)) => match self.gate.closed() {
                None => Ok(*applied),
                Some(closed) => Err(ReadError::TakesNoPart(closed)),
            },
            Ok(Err(_)) => Err(ReadError::Stopping),
            Err(_) => Err(ReadError::Behind),
        }
    }

    /// The index of a barrier, which this node may not have applied yet.
    pub(crate) async fn confirmed_index(&self, deadline: Instant) -> Result<u64, ReadError> {
        let decided = tokio::select! {
            biased;
            decided = timeout_at(deadline, self.gate.decided()) => decided,
            // Nobody answers a node that has left: its gate does not open.
            () = self.members.until_left(self.node.id) => return Err(ReadError::HasLeft),
        };
        match decided {
            Ok(Ok(())) => {}
            Ok(Err(closed)) => return Err(ReadError::TakesNoPart(closed)),
            Err(_) => return Err(ReadError::TakesNoPart(Closed::Waiting)),
        }
        if is_planted(Mutant::LocalStaleRead) {
            return Ok(*self.applied.borrow());
        }
        let (answer, index) = oneshot::channel();
        let reader = Reader { deadline, answer };
        self.readers.try_send(reader).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadError::NoLeader,
            mpsc::error::TrySendError::Closed(_) => ReadError::Stopping,
        })?;
        match timeout_at(deadline, index).await {
            Ok(Ok(index)) => index,
            Ok(Err(_)) => Err(ReadError::Stopping),
            Err(_) => Err(ReadError::NoLeader),
        }
    }

    /// Runs one round after another, until the node stops.
    pub(crate) async fn serve_readers(&self, mut waiting: mpsc::Receiver<Reader>) {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, MAX_WAITING).await > 0 {
            let latest = batch.iter().map(|reader| reader.deadline).max();
            let deadline = latest.unwrap_or_else(Instant::now);
            let index = self.read_index(deadline, &mut waiting, &mut batch).await;
            for reader in batch.drain(..) {
                // Ignored when the reader has timed out.
                let _ = reader.answer.send(index);
            }
        }
    }

    /// Later readers join between attempts, never during one: the index of an attempt is valid only
    /// for readers that arrived before it began.
    async fn read_index(
        &self,
        mut deadline: Instant,
        waiting: &mut mpsc::Receiver<Reader>,
        batch: &mut Vec<Reader>,
    ) -> Result<u64, ReadError> {
        let mut leadership = self.node.leadership.clone();
        loop {
            let leader = leadership.borrow_and_update().leader;
            let attempt = deadline.min(Instant::now() + ATTEMPT);
            let answer = match leader {
                Some(leader) if leader == self.node.id => self.read_index_here(attempt).await,
                Some(leader) => self.read_index_at(leader, attempt).await,
                None => Err(ReadRefusal::NotLeader { leader: None }),
            };
            match answer {
                Ok(index) => return Ok(index),
                Err(ReadRefusal::Stopping) if self.node.is_stopping() => {
                    return Err(ReadError::Stopping);
                }
                Err(_) => {}
            }
            // After an attempt: until Raft drops it, a node that leaves has a leader.
            if self.members.has_left(self.node.id) {
                return Err(ReadError::HasLeft);
            }
            if !pause_before_retry(&mut leadership, deadline).await {
                return Err(ReadError::NoLeader);
            }
            while let Ok(reader) = waiting.try_recv() {
                deadline = deadline.max(reader.deadline);
                batch.push(reader);
            }
        }
    }

    /// The read index, if this node is the leader.
    pub(crate) async fn read_index_here(&self, deadline: Instant) -> Result<u64, ReadRefusal> {
        match timeout_at(deadline, self.consensus.read_index()).await {
            Ok(ReadIndex::At(index)) => Ok(index),
            Ok(ReadIndex::NotLeader { leader }) => Err(ReadRefusal::NotLeader { leader }),
            Ok(ReadIndex::NoQuorum) | Err(_) => Err(ReadRefusal::NoQuorum),
            Ok(ReadIndex::Stopped) => Err(ReadRefusal::Stopping),
        }
    }

    async fn read_index_at(&self, leader: NodeId, deadline: Instant) -> Result<u64, ReadRefusal> {
        let not_leader = ReadRefusal::NotLeader { leader: None };
        let member = self.members.member(leader).ok_or(not_leader)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let request = NodeRequest::ReadIndex {
            timeout_millis: whole_millis(left),
        };
        let body = encode(&request);
        let link = self.links.member(leader, &member.link, Lane::Heartbeat);
        let reply = link.call(&body, deadline).await.map_err(|_| not_leader)?;
        match decode(&reply) {
            Ok(NodeReply::ReadIndex(answer)) => answer,
            _ => Err(not_leader),
        }
    }
}
