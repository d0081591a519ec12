//! The leader's side of joining: admission of workers by their passes.
//!
//! The state binds a pass to the first node that uses it, in an entry that every replica verifies.
//! Only then is the node made a member, by an entry of Raft.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;
use openraft::async_runtime::WatchReceiver;
use tokio::time::{Instant, timeout, timeout_at};

use super::member_view::MemberView;
use crate::consensus_types::Member;
use crate::link::{CallError, Caller, Dial, Links, Purpose, Refusal};
use crate::raft::engine::consensus::{Consensus, ReadIndex};
use crate::raft::engine::node_state::NodeState;
use crate::raft::engine::workers::{WorkerChange, has_room};
use crate::raft::genesis::Genesis;
use crate::raft::ports::WorkerGate;
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{
    MemberRefusal, NodeReply, NodeRequest, ProposeRefusal, ProposedReply,
};

/// Longest address or URL of a worker: the size of an append is estimated with this much for each
/// member.
const MAX_ADDRESS_BYTES: usize = 200;
/// Time for a majority to confirm that it follows this leader.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for the leader to reach the node that wants to join.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);

/// Proposal of a command at this node, if it leads.
pub(crate) trait ProposeHere: Send + Sync {
    fn propose_here(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<ProposedReply, ProposeRefusal>>;
}

/// Admission of workers at the leader.
pub(crate) struct Admissions {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub members: Arc<MemberView>,
    pub links: Links,
    pub proposer: Arc<dyn ProposeHere>,
    pub gate: Arc<dyn WorkerGate>,
}

impl Admissions {
    /// Whether the caller may become a worker, and of which cluster. The answer promises nothing.
    /// The leader confirms its leadership first, so a deposed leader does not answer.
    pub(crate) async fn may_join(
        &self,
        caller: &Caller,
        pass: &[u8],
    ) -> Result<Genesis, MemberRefusal> {
        self.check_leader()?;
        self.check_signed(pass)?;
        let not_leader = MemberRefusal::NotLeader { leader: None };
        let confirmed = timeout(CONFIRM_TIMEOUT, self.consensus.read_index()).await;
        if !matches!(confirmed, Ok(ReadIndex::At(_))) {
            return Err(not_leader);
        }
        let genesis = self.members.genesis().ok_or(not_leader)?;
        if self.members.member(caller.node).is_some() {
            return Err(MemberRefusal::IdTaken);
        }
        has_room(self.workers())?;
        Ok((*genesis).clone())
    }

    /// Makes the caller a worker. The caller repeats this until its log begins: only that is
    /// certain.
    pub(crate) async fn admit(
        &self,
        caller: &Caller,
        member: Member,
        pass: &[u8],
        deadline: Instant,
    ) -> Result<(), MemberRefusal> {
        self.check_leader()?;
        self.check_signed(pass)?;
        if member.key != caller.key {
            return Err(MemberRefusal::OtherNode);
        }
        if member.link.len().max(member.http.len()) > MAX_ADDRESS_BYTES {
            return Err(MemberRefusal::LongAddress {
                limit: MAX_ADDRESS_BYTES as u64,
            });
        }
        if self.members.member(caller.node).as_ref() == Some(&member) {
            return Ok(());
        }
        // First, so that this node dials no address on behalf of a pass that is used or late.
        self.bind(caller, pass, deadline).await?;
        self.reach(caller.node, &member).await?;
        let change = WorkerChange::Add(caller.node, member);
        let changed = self.consensus.change_workers(change.clone());
        let changed = timeout_at(deadline, changed)
            .await
            .unwrap_or(Err(MemberRefusal::Unsettled));
        if changed.is_ok() {
            tracing::info!(?change, "changed the workers");
        }
        changed
    }

    fn check_signed(&self, pass: &[u8]) -> Result<(), MemberRefusal> {
        let genesis = self.members.genesis();
        match genesis.is_some_and(|genesis| self.gate.is_signed(pass, &genesis)) {
            true => Ok(()),
            false => Err(bad_pass("it is not signed by the operator of this cluster")),
        }
    }

    /// Binds the pass to the caller in the state, by the key that the caller has proven.
    async fn bind(
        &self,
        caller: &Caller,
        pass: &[u8],
        deadline: Instant,
    ) -> Result<(), MemberRefusal> {
        let command = self.gate.admission(pass, caller.node, &caller.key);
        let command = command.ok_or_else(|| bad_pass("it is used for another node"))?;
        // A pass that is used up or withdrawn would write an entry each time.
        if let Some(why) = self.gate.refusal(&command) {
            return Err(MemberRefusal::BadPass { why });
        }
        match self.proposer.propose_here(command, deadline).await {
            Ok(bound) => self
                .gate
                .outcome(&bound.reply)
                .map_err(|why| MemberRefusal::BadPass { why }),
            Err(ProposeRefusal::NotLeader { .. } | ProposeRefusal::Stopping) => {
                Err(MemberRefusal::NotLeader { leader: None })
            }
            Err(ProposeRefusal::Unknown | ProposeRefusal::TooLarge) => {
                Err(MemberRefusal::Unsettled)
            }
        }
    }

    /// Checks that the leader can reach the node: it would retry an unreachable member for ever.
    async fn reach(&self, node: NodeId, member: &Member) -> Result<(), MemberRefusal> {
        let dial = Dial {
            node,
            address: member.link.clone(),
            purpose: Purpose::Join,
            key: Some(member.key),
        };
        let deadline = Instant::now() + REACH_TIMEOUT;
        match ask(&self.links, dial, &NodeRequest::Pristine, deadline).await {
            Ok(NodeReply::Pristine(probe)) => {
                let found = (probe.member.link, probe.member.http, probe.member.key);
                let expected = (&member.link, &member.http, &member.key);
                if (&found.0, &found.1, &found.2) == expected {
                    Ok(())
                } else {
                    Err(MemberRefusal::OtherNode)
                }
            }
            Ok(_)
            | Err(CallError::Refused(Refusal::Node { .. } | Refusal::SameId | Refusal::Key)) => {
                Err(MemberRefusal::OtherNode)
            }
            Err(error) => Err(MemberRefusal::Unreachable {
                why: error.to_string(),
            }),
        }
    }

    /// An error with the current leader, where known, if this node is not the leader.
    fn check_leader(&self) -> Result<(), MemberRefusal> {
        let now = *self.node.leadership.borrow();
        if now.here && !self.node.is_stopping() {
            return Ok(());
        }
        let other = now.leader.filter(|leader| *leader != self.node.id);
        let leader = other.and_then(|id| Some((id, self.members.member(id)?.link)));
        Err(MemberRefusal::NotLeader { leader })
    }

    fn workers(&self) -> usize {
        let metrics = self.consensus.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        membership.learner_ids().count()
    }
}

fn bad_pass(why: &str) -> MemberRefusal {
    MemberRefusal::BadPass { why: why.into() }
}
