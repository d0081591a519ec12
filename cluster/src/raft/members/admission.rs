//! The leader's side of joining and leaving: who may become a worker, and when one is let in.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use openraft::async_runtime::WatchReceiver;
use tokio::time::{Instant, timeout, timeout_at};

use super::member_view::MemberView;
use crate::consensus_types::Member;
use crate::link::{CallError, Caller, Dial, Links, Purpose, Refusal};
use crate::raft::engine::consensus::{Consensus, ReadIndex};
use crate::raft::engine::node_state::NodeState;
use crate::raft::engine::workers::{WorkerChange, has_room};
use crate::raft::genesis::Genesis;
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{MemberRefusal, NodeReply, NodeRequest};

/// Longest address or URL of a worker: the size of an append is reckoned with so much a member.
const MAX_ADDRESS_BYTES: usize = 200;
/// For a majority to confirm that it follows this leader.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);
/// For the leader to reach the node that asks.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);

/// Who becomes a worker, as the leader decides it.
pub(crate) struct Admissions {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub members: Arc<MemberView>,
    pub links: Links,
}

impl Admissions {
    /// Whether the caller may become a worker, and of which cluster. Nothing is promised by it; but a
    /// leader that was deposed and does not know it says nothing.
    pub(crate) async fn may_join(&self, caller: &Caller) -> Result<Genesis, MemberRefusal> {
        self.leads()?;
        let nobody = MemberRefusal::NotLeader { leader: None };
        let confirmed = timeout(CONFIRM_TIMEOUT, self.consensus.read_index()).await;
        if !matches!(confirmed, Ok(ReadIndex::At(_))) {
            return Err(nobody);
        }
        let genesis = self.members.genesis().ok_or(nobody)?;
        if self.members.member(caller.node).is_some() {
            return Err(MemberRefusal::Taken);
        }
        has_room(self.workers())?;
        Ok((*genesis).clone())
    }

    /// Makes the caller a worker. To be asked again until its log begins: that alone is certain.
    pub(crate) async fn admit(
        &self,
        caller: &Caller,
        member: Member,
        deadline: Instant,
    ) -> Result<(), MemberRefusal> {
        self.leads()?;
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
        self.reach(caller.node, &member).await?;
        self.change_workers(WorkerChange::Add(caller.node, member), deadline)
            .await
    }

    /// Removes a worker, whether or not it runs.
    pub(crate) async fn remove_worker(
        &self,
        node: NodeId,
        deadline: Instant,
    ) -> Result<(), MemberRefusal> {
        self.leads()?;
        self.change_workers(WorkerChange::Remove(node), deadline)
            .await
    }

    async fn change_workers(
        &self,
        change: WorkerChange,
        deadline: Instant,
    ) -> Result<(), MemberRefusal> {
        let changed = self.consensus.change_workers(change.clone());
        let changed = timeout_at(deadline, changed)
            .await
            .unwrap_or(Err(MemberRefusal::Unsettled));
        if changed.is_ok() {
            tracing::info!(?change, "the workers have changed");
        }
        changed
    }

    /// A member that nobody reaches would have the leader try for ever, so the leader looks first.
    async fn reach(&self, node: NodeId, member: &Member) -> Result<(), MemberRefusal> {
        let dial = Dial {
            node,
            address: member.link.clone(),
            purpose: Purpose::Bootstrap,
        };
        let deadline = Instant::now() + REACH_TIMEOUT;
        match ask(&self.links, dial, &NodeRequest::Pristine, deadline).await {
            Ok(NodeReply::Pristine(said)) => {
                let said = (said.member.link, said.member.http, said.member.key);
                let asked = (&member.link, &member.http, &member.key);
                if (&said.0, &said.1, &said.2) == asked {
                    Ok(())
                } else {
                    Err(MemberRefusal::OtherNode)
                }
            }
            Ok(_) | Err(CallError::Refused(Refusal::Node { .. } | Refusal::SameId)) => {
                Err(MemberRefusal::OtherNode)
            }
            Err(error) => Err(MemberRefusal::Unreachable {
                why: error.to_string(),
            }),
        }
    }

    /// Names whoever leads instead.
    fn leads(&self) -> Result<(), MemberRefusal> {
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
