//! Authority on links: by key and role, never by the cluster secret.
//!
//! Law: only a voter moves another node's vote, log or state, and only in its own name and within
//! bounds. A worker receives the log and does jobs; it may ask how far the log is, and for
//! checkpoints, and nothing else. Who is a voter is in the chain of descriptors, which begins with
//! the genesis, and whose links prove themselves.

mod answers;
mod configurations;
mod refused_leader;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use cameo_common::ids::{Millis, NodeId};
use cameo_common::moment::moment;
use openraft::async_runtime::WatchReceiver;
use openraft::raft::{AppendEntriesResponse, SnapshotResponse, VoteResponse};
use thiserror::Error;
use tokio::time::Instant;

use super::members::descriptor_exchange::DescriptorExchange;
use super::members::known_chain::KnownChain;
use super::members::member_view::MemberView;
use super::ports::Stamp;
use super::quarantine::{Closed, Gate};
use super::rpc::answer_rules::{AnswerRules, NotTaken};
use super::rpc::wire::NodeRequest;
use super::time::entry_time::EntryTimes;
use crate::consensus_types::TypeConfig;
use crate::link::Caller;

pub(super) use crate::host::seldom::Seldom;
pub(super) use configurations::NewestConfiguration;
pub(super) use refused_leader::RefusedLeader;

/// How far a term or an index may be above this node's own. No honest cluster gets there between
/// two messages, and half of all numbers are left after two thousand million such steps.
const MAX_STEP: u64 = 1 << 32;

/// Why a request is not served, or an answer not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NoAuthority {
    #[error("only a voter of this cluster may do this")]
    NotVoter,
    #[error("only a member of this cluster may do this")]
    NotMember,
    #[error("this node is a worker and has no vote")]
    WorkerHere,
    #[error("it is said in the name of node {0}")]
    OtherName(NodeId),
    #[error("term {term} is too far above this node's, {own}")]
    Term { term: u64, own: u64 },
    #[error("index {index} is too far above this node's, {own}")]
    Index { index: u64, own: u64 },
    #[error(
        "entry {index} is dated {}: that is too far ahead of the clocks of a majority of the \
         voters, as this node knows them; compare the clocks of all nodes",
        moment(*.time)
    )]
    Time { index: u64, time: Millis },
    #[error("this leader has dated an entry too far ahead, and this node does not follow it now")]
    NotFollowed,
    #[error("only the leader proposes what rests on a node's word")]
    NodesWord,
    #[error(
        "entry {index} is of version {version}, and this program reads up to version {newest}: \
         start this node with the program of the other nodes"
    )]
    Version {
        index: u64,
        version: u16,
        newest: u16,
    },
    #[error("an entry has no time that this node can read")]
    NoTime,
    #[error("an entry changes who votes, to others than the descriptors say")]
    Voters,
    #[error("the answer is none to this request")]
    Unasked,
    #[error("{0}")]
    Closed(Closed),
}

/// What the rules need to know of this node.
struct Here<'a> {
    me: NodeId,
    /// Whether this process runs as a voter. One that is a worker until its restart gives no vote.
    runs_as_voter: bool,
    chain: Option<Arc<KnownChain>>,
    /// The voters of Raft's membership here.
    raft_voters: BTreeSet<NodeId>,
    term: u64,
    last_index: u64,
    applied: u64,
    /// Highest index that this node knows as committed.
    committed: u64,
    /// Number of the newest descriptor that has been the voters of the log: see `configurations`.
    configuration: u64,
    /// The same of the latest one of the log, which may be cut, and its index.
    latest_configuration: (u64, u64),
    times: &'a EntryTimes,
    stamp: &'a dyn Stamp,
}

/// The rules, over this node's present state.
pub(crate) struct Authority {
    pub me: NodeId,
    pub runs_as_voter: bool,
    pub members: Arc<MemberView>,
    pub descriptors: Arc<DescriptorExchange>,
    pub times: Arc<EntryTimes>,
    pub stamp: Arc<dyn Stamp>,
    pub gate: Arc<Gate>,
    pub refused_leader: RefusedLeader,
    pub configuration: NewestConfiguration,
}

impl Authority {
    /// Whether a caller may make this request.
    pub fn check(&self, caller: &Caller, request: &NodeRequest) -> Result<(), NoAuthority> {
        let mut here = self.here();
        let mut checked = self.check_now(caller, request, &here);
        if matches!(checked, Err(NoAuthority::NotVoter | NoAuthority::Voters)) {
            // The state may have a newer descriptor than this node has looked at.
            self.members.advance_by_state();
            here = self.here();
            checked = self.check_now(caller, request, &here);
        }
        // Before times are judged: a node that takes no part has not been told them yet.
        if let Some(closed) = self.gate.closed()
            && requests::is_of_consensus(request)
            && matches!(checked, Ok(()) | Err(NoAuthority::Time { .. }))
        {
            return Err(NoAuthority::Closed(closed));
        }
        if let NodeRequest::Append(rpc) = request {
            let now = Instant::now();
            self.refused_leader.judge(rpc, &checked, &here, now)?;
        }
        checked
    }

    fn check_now(
        &self,
        caller: &Caller,
        request: &NodeRequest,
        here: &Here<'_>,
    ) -> Result<(), NoAuthority> {
        let standing = self.members.standing(caller.node, &caller.key);
        requests::check(request, caller.node, standing, here)
    }

    fn here(&self) -> Here<'_> {
        let (mut term, mut last_index, mut applied, mut committed) = (0, 0, 0, 0);
        let mut latest_configuration = (0, 0);
        let chain = self.members.chain();
        let mut raft_voters = BTreeSet::new();
        if let Some(consensus) = self.members.consensus.get() {
            let metrics = consensus.metrics();
            let metrics = metrics.borrow_watched();
            term = metrics.current_term;
            last_index = metrics.last_log_index.unwrap_or(0);
            applied = metrics.last_applied.map_or(0, |id| id.index());
            committed = metrics.local_committed.map_or(applied, |id| id.index());
            let membership = &metrics.membership_config;
            raft_voters = membership.voter_ids().collect();
            if let Some(chain) = &chain {
                let index = membership.log_id().as_ref().map_or(0, |id| id.index());
                let latest = membership.membership();
                let number = self.configuration.note(chain, latest, index <= committed);
                latest_configuration = (number, index);
            }
        }
        Here {
            me: self.me,
            runs_as_voter: self.runs_as_voter,
            chain,
            raft_voters,
            term,
            last_index,
            applied,
            committed,
            configuration: self.configuration.get(),
            latest_configuration,
            times: &self.times,
            stamp: &*self.stamp,
        }
    }
}

impl AnswerRules for Authority {
    fn append(
        &self,
        from: NodeId,
        answer: &AppendEntriesResponse<TypeConfig>,
    ) -> Result<(), NotTaken> {
        taken(from, answers::append(answer, from, &self.here()))
    }

    fn refused(&self, by: NodeId) {
        self.descriptors.begin(by);
    }

    fn vote(&self, from: NodeId, answer: &VoteResponse<TypeConfig>) -> Result<(), NotTaken> {
        taken(from, answers::vote(answer, &self.here()))
    }

    fn snapshot(
        &self,
        from: NodeId,
        answer: &SnapshotResponse<TypeConfig>,
    ) -> Result<(), NotTaken> {
        taken(from, answers::snapshot(answer, from, &self.here()))
    }
}

fn taken(from: NodeId, checked: Result<(), NoAuthority>) -> Result<(), NotTaken> {
    checked.map_err(|why| NotTaken {
        from,
        why: why.to_string(),
    })
}

impl Here<'_> {
    /// Whether a node has a vote: see [`Standing::Voter`](super::members::standing::Standing). Its
    /// link has proven the key.
    fn is_voter(&self, node: NodeId) -> bool {
        let Some(chain) = &self.chain else {
            return false;
        };
        let was_node = || chain.node(node).is_some() && self.raft_voters.contains(&node);
        chain.newest().node(node).is_some() || was_node()
    }

    /// The nodes of the newest descriptor.
    fn voters(&self) -> BTreeSet<NodeId> {
        let chain = self.chain.as_ref();
        chain.map_or_else(BTreeSet::new, |chain| chain.newest_ids())
    }
}
