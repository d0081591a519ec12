//! Changes of the voters, as entries of the log: Raft's membership follows a descriptor.
//!
//! A change goes over a joint configuration of the old and the new voters. A leader that finds one
//! that another leader has begun ends it.

use std::collections::BTreeSet;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::NodeId;
use openraft::async_runtime::WatchReceiver;
use openraft::storage::RaftStateMachine;
use openraft::{ChangeMembers, Precondition, RaftMetrics};
use thiserror::Error;

use crate::consensus_types::TypeConfig;

/// Entries that a learner may lack when it becomes a voter: they are on their way.
const MAX_LAG_ENTRIES: u64 = 128;

/// Why the voters are not changed yet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VotersError {
    #[error("node {0} of the newest descriptor is no member of the cluster under its key")]
    NotMember(NodeId),
    #[error("node {0} of the newest descriptor does not answer as a voter yet")]
    NotAnswering(NodeId),
    #[error("node {node} of the newest descriptor lacks {entries} entries of the log")]
    Behind { node: NodeId, entries: u64 },
    #[error("this node is no voter any more, and hands over the leadership first")]
    HandsOver,
    #[error("this node does not lead")]
    NotLeader,
    /// It may be done or not.
    #[error("the change of the voters failed or its outcome is unknown: {0}")]
    Unsettled(String),
}

/// What is to be done about the voters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// They are the descriptor's nodes.
    Done,
    /// One of these, which stay voters, has to lead first.
    HandOver(BTreeSet<NodeId>),
    Change(BTreeSet<NodeId>),
}

/// Compares this node's membership, as the leader has it, with a descriptor. `answers` says whether
/// a node answers as a voter.
pub(crate) fn plan(
    metrics: &RaftMetrics<TypeConfig>,
    descriptor: &Descriptor,
    answers: &dyn Fn(NodeId) -> bool,
) -> Result<Plan, VotersError> {
    let membership = metrics.membership_config.membership();
    let next: BTreeSet<NodeId> = descriptor.nodes.iter().map(|node| node.id).collect();
    if let [only] = membership.get_joint_config().as_slice()
        && *only == next
    {
        return Ok(Plan::Done);
    }
    let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
    for node in &descriptor.nodes {
        let member = membership.get_node(&node.id);
        if member.is_none_or(|member| member.key != node.key.0) {
            return Err(VotersError::NotMember(node.id));
        }
        if voters.contains(&node.id) {
            continue;
        }
        if !answers(node.id) {
            return Err(VotersError::NotAnswering(node.id));
        }
        check_progress(metrics, node.id)?;
    }
    let stay: BTreeSet<NodeId> = next.intersection(&voters).copied().collect();
    match next.contains(&metrics.id) || stay.is_empty() {
        true => Ok(Plan::Change(next)),
        false => Ok(Plan::HandOver(stay)),
    }
}

fn check_progress(metrics: &RaftMetrics<TypeConfig>, node: NodeId) -> Result<(), VotersError> {
    let replication = metrics.replication.as_ref().ok_or(VotersError::NotLeader)?;
    let matching = replication.get(&node).and_then(Option::as_ref);
    let last = metrics.last_log_index.unwrap_or(0);
    // One that has taken nothing may take nothing at all.
    let entries = matching.map_or(last.max(1), |id| last.saturating_sub(id.index()));
    match entries <= MAX_LAG_ENTRIES && matching.is_some() {
        true => Ok(()),
        false => Err(VotersError::Behind { node, entries }),
    }
}

/// Commits and applies the change, over a joint configuration. Only `Ok` is certain.
pub(crate) async fn change<SM>(
    raft: openraft::Raft<TypeConfig, SM>,
    voters: BTreeSet<NodeId>,
) -> Result<(), VotersError>
where
    SM: RaftStateMachine<TypeConfig>,
{
    let seen = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        *metrics.membership_config.log_id()
    };
    let unchanged = Precondition::LastMembershipLogId {
        last_membership_log_id: seen,
    };
    let change = ChangeMembers::ReplaceAllVoters(voters);
    // Those that vote no more are no members any more.
    let changed = raft.change_membership_if(change, false, [unchanged]).await;
    changed
        .map(drop)
        .map_err(|error| VotersError::Unsettled(error.to_string()))
}
