//! Proposal of a command: stamped and appended at the leader, forwarded to it by other nodes.
//!
//! Law: a command is sent again only when it is certain that it was not appended. In every other
//! case the result is `Unknown`, and the caller's request id makes a retry safe.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{NodeId, whole_millis};
use futures_util::future::BoxFuture;
use openraft::async_runtime::WatchReceiver;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::retry::pause_before_retry;
use crate::link::{Lane, Links};
use crate::raft::engine::consensus::{AppendOutcome, Consensus};
use crate::raft::engine::log_clock::LogClock;
use crate::raft::engine::node_state::NodeState;
use crate::raft::engine::status;
use crate::raft::members::admission::ProposeHere;
use crate::raft::members::member_view::MemberView;
use crate::raft::ports::{AppliedVersion, Stamp};
use crate::raft::rpc::wire::{
    NodeReply, NodeRequest, ProposeRefusal, ProposedReply, decode, encode,
};
use crate::raft::versions::Versions;

/// The largest entry. The log's own limit must not be lower: a log that refuses an entry of
/// openraft stops the node.
pub const MAX_ENTRY_BYTES: usize = 1 << 20;
/// The largest command; the rest of the entry is for the stamp.
pub const MAX_COMMAND_BYTES: usize = MAX_ENTRY_BYTES - (16 << 10);
/// Subtracted from the deadline that is sent to the leader, as time for its answer to arrive.
const REPLY_MARGIN: Duration = Duration::from_millis(20);

/// An entry that was committed and applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Its index in the log.
    pub index: u64,
    /// The state machine's reply.
    pub reply: Vec<u8>,
    /// Whether another node has applied it and says so.
    pub is_told: bool,
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// Certain: nothing was appended.
    #[error("no leader could be reached in time; the command was not appended")]
    NoLeader,
    /// The command may be in the log, now or later. Retry with the same request id.
    #[error("the outcome is unknown; try again with the same request id")]
    Unknown,
    /// Certain: nothing was appended.
    #[error("the command is larger than {MAX_COMMAND_BYTES} bytes")]
    TooLarge,
    /// Certain: nothing was appended.
    #[error("this node is low on disk space, and nothing was appended; use another")]
    LowDiskSpace,
    /// Certain: nothing was appended.
    #[error("this node is stopping; use another")]
    Stopping,
    /// Certain: nothing was appended.
    #[error("this node was removed from the cluster, and nothing was appended; use another")]
    HasLeft,
}

/// The outcome of one attempt.
enum Attempt {
    Done(Result<Proposed, ProposeError>),
    /// Nothing was appended.
    Retry,
}

/// Proposes commands.
pub(crate) struct Proposer {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub members: Arc<MemberView>,
    pub links: Links,
    pub clock: Arc<LogClock>,
    pub stamp: Arc<dyn Stamp>,
    pub versions: Arc<Versions>,
    pub applied_version: AppliedVersion,
}

impl Proposer {
    pub(crate) async fn propose(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> Result<Proposed, ProposeError> {
        if command.len() > MAX_COMMAND_BYTES {
            return Err(ProposeError::TooLarge);
        }
        let mut leadership = self.node.leadership.clone();
        loop {
            if self.node.is_stopping() {
                return Err(ProposeError::Stopping);
            }
            let leader = leadership.borrow_and_update().leader;
            let attempt = match leader {
                Some(leader) if leader == self.node.id => {
                    self.append(command.clone(), deadline).await
                }
                Some(leader) => self.forward(leader, &command, deadline).await,
                None => Attempt::Retry,
            };
            if let Attempt::Done(result) = attempt {
                return result;
            }
            // After an attempt: until Raft drops it, a node that leaves has a leader.
            if self.members.has_left(self.node.id) {
                return Err(ProposeError::HasLeft);
            }
            if !pause_before_retry(&mut leadership, deadline).await {
                return Err(
                    match self.node.space.is_low() && leader == Some(self.node.id) {
                        true => ProposeError::LowDiskSpace,
                        false => ProposeError::NoLeader,
                    },
                );
            }
        }
    }

    /// Proposes for another node. Does not forward, so that no command goes in circles.
    pub(crate) async fn propose_here(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> Result<ProposedReply, ProposeRefusal> {
        let leader = self.node.leadership.borrow().leader;
        if self.node.is_stopping() || leader != Some(self.node.id) {
            return Err(ProposeRefusal::NotLeader { leader });
        }
        if command.len() > MAX_COMMAND_BYTES {
            return Err(ProposeRefusal::TooLarge);
        }
        match self.append(command, deadline).await {
            Attempt::Done(Ok(Proposed { index, reply, .. })) => Ok(ProposedReply { index, reply }),
            Attempt::Done(Err(ProposeError::TooLarge)) => Err(ProposeRefusal::TooLarge),
            Attempt::Done(Err(ProposeError::Stopping)) => Err(ProposeRefusal::Stopping),
            Attempt::Done(Err(ProposeError::Unknown)) => Err(ProposeRefusal::Unknown),
            Attempt::Done(Err(
                ProposeError::NoLeader | ProposeError::LowDiskSpace | ProposeError::HasLeft,
            ))
            | Attempt::Retry => Err(ProposeRefusal::NotLeader {
                leader: self.node.leadership.borrow().leader,
            }),
        }
    }

    async fn append(&self, command: Vec<u8>, deadline: Instant) -> Attempt {
        // Another node leads soon, if there is one that can.
        if self.node.space.is_low() {
            return Attempt::Retry;
        }
        let Some(log_time) = self.clock.wait_for_time(deadline).await else {
            return Attempt::Retry;
        };
        let entry = self.stamp.stamp(command, log_time, self.version());
        if entry.len() > MAX_ENTRY_BYTES {
            return Attempt::Done(Err(ProposeError::TooLarge));
        }
        Attempt::Done(
            match timeout_at(deadline, self.consensus.write(entry)).await {
                Ok(AppendOutcome::Applied { index, reply }) => Ok(Proposed {
                    index,
                    reply,
                    is_told: false,
                }),
                Ok(AppendOutcome::NotLeader) => return Attempt::Retry,
                Ok(AppendOutcome::Unknown) | Err(_) => Err(ProposeError::Unknown),
            },
        )
    }

    fn version(&self) -> u16 {
        let others = || {
            let members = status::members(&self.consensus.metrics().borrow_watched());
            let others = members.into_iter();
            others.filter(|member| *member != self.node.id).collect()
        };
        let (own, reached) = (self.stamp.newest_version(), &self.applied_version);
        self.versions
            .next(own, || reached(), others, Instant::now())
    }

    async fn forward(&self, leader: NodeId, command: &[u8], deadline: Instant) -> Attempt {
        let Some(member) = self.members.member(leader) else {
            return Attempt::Retry;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = left.saturating_sub(REPLY_MARGIN);
        if timeout.is_zero() {
            return Attempt::Done(Err(ProposeError::NoLeader));
        }
        let request = NodeRequest::Propose {
            command: command.to_vec(),
            timeout_millis: whole_millis(timeout),
        };
        let body = encode(&request);
        let link = self.links.member(leader, &member.link, Lane::Log);
        let reply = match link.call(&body, deadline).await {
            Ok(reply) => reply,
            Err(error) if error.definitely_not_done() => {
                tracing::debug!(leader = leader.0, %error, "proposal not forwarded");
                return Attempt::Retry;
            }
            Err(_) => return Attempt::Done(Err(ProposeError::Unknown)),
        };
        match decode(&reply) {
            Ok(NodeReply::Proposed(Ok(done))) => Attempt::Done(Ok(Proposed {
                index: done.index,
                reply: done.reply,
                is_told: true,
            })),
            Ok(NodeReply::Proposed(Err(refusal))) => match refusal {
                ProposeRefusal::NotLeader { .. } | ProposeRefusal::Stopping => Attempt::Retry,
                ProposeRefusal::TooLarge => Attempt::Done(Err(ProposeError::TooLarge)),
                ProposeRefusal::Unknown => Attempt::Done(Err(ProposeError::Unknown)),
            },
            Ok(_) | Err(_) => Attempt::Done(Err(ProposeError::Unknown)),
        }
    }
}

impl ProposeHere for Proposer {
    fn propose_here(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<ProposedReply, ProposeRefusal>> {
        Box::pin(Proposer::propose_here(self, command, deadline))
    }
}
