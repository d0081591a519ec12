//! A node's status and leadership, without openraft's types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cameo_common::ids::NodeId;
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver;
use openraft::type_config::alias::LogIdOf;
use tokio::sync::watch;

use super::consensus::{Consensus, Metrics};
use crate::consensus_types::{Member, TypeConfig};
use crate::host::disk_space::DiskStatus;
use crate::raft::quarantine::Waits;

/// A node's current role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Applies entries and does not vote; also a node without a cluster.
    Learner,
    /// Votes and follows the leader.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads, as far as it knows.
    Leader,
    /// Raft has stopped here, on request or after a failure.
    Stopped,
}

/// A node's view of the cluster. Only `applied` and `committed` are certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub id: NodeId,
    /// The leader it follows.
    pub leader: Option<NodeId>,
    /// The current term.
    pub term: u64,
    /// Index of the last entry applied; 0 when there is none.
    pub applied: u64,
    /// Index of the last entry known to be committed; 0 when there is none.
    pub committed: u64,
    /// Index of the last entry in the log; 0 when there is none.
    pub last_log: u64,
    /// The node's role.
    pub role: Role,
    /// Voting members of the latest membership in its log.
    pub voters: BTreeMap<NodeId, Member>,
    /// Members without a vote.
    pub learners: BTreeMap<NodeId, Member>,
    /// It has come back below what it had told other voters, and takes no part.
    pub quarantined: bool,
    /// It takes no part yet, because answers of other voters are missing.
    pub waits: Option<Waits>,
    /// Free space on the disk of the data folder.
    pub disk: DiskStatus,
    /// The failure of Raft at this node, if any.
    pub failure: Option<String>,
}

/// The current leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leadership {
    /// The leader this node follows.
    pub leader: Option<NodeId>,
    /// The current term.
    pub term: u64,
    /// Whether this node is the leader, as far as it knows.
    pub here: bool,
}

fn index(id: &Option<LogIdOf<TypeConfig>>) -> u64 {
    id.as_ref().map_or(0, |id| id.index())
}

pub(crate) fn status(
    metrics: &Metrics,
    quarantined: bool,
    waits: Option<Waits>,
    disk: DiskStatus,
) -> Status {
    let membership = metrics.membership_config.membership();
    let voting: BTreeSet<NodeId> = membership.voter_ids().collect();
    let (voters, learners) = membership
        .nodes()
        .map(|(id, member)| (*id, member.clone()))
        .partition(|(id, _)| voting.contains(id));
    Status {
        id: metrics.id,
        leader: metrics.current_leader,
        term: metrics.current_term,
        applied: index(&metrics.last_applied),
        committed: index(&metrics.local_committed),
        last_log: metrics.last_log_index.unwrap_or(0),
        role: match metrics.state {
            _ if metrics.running_state.is_err() => Role::Stopped,
            ServerState::Learner => Role::Learner,
            ServerState::Follower => Role::Follower,
            ServerState::Candidate => Role::Candidate,
            ServerState::Leader => Role::Leader,
            ServerState::Shutdown => Role::Stopped,
        },
        voters,
        learners,
        quarantined,
        waits,
        disk,
        failure: metrics
            .running_state
            .as_ref()
            .err()
            .map(|fatal| fatal.to_string()),
    }
}

/// All members of the latest membership, with a vote and without.
pub(crate) fn members(metrics: &Metrics) -> Vec<NodeId> {
    let membership = metrics.membership_config.membership();
    membership.nodes().map(|(id, _)| *id).collect()
}

fn leadership_of(metrics: &Metrics) -> Leadership {
    Leadership {
        leader: metrics.current_leader,
        term: metrics.current_term,
        here: metrics.running_state.is_ok() && metrics.current_leader == Some(metrics.id),
    }
}

fn applied_index(metrics: &Metrics) -> u64 {
    index(&metrics.last_applied)
}

/// Publishes leadership and applied index from openraft's metrics.
pub(crate) async fn follow(
    consensus: Arc<dyn Consensus>,
    leadership: watch::Sender<Leadership>,
    applied: watch::Sender<u64>,
) {
    let mut metrics = consensus.metrics();
    loop {
        {
            let now = metrics.borrow_watched();
            let leads = leadership_of(&now);
            leadership.send_if_modified(|before| {
                let changed = *before != leads;
                *before = leads;
                changed
            });
            let index = applied_index(&now);
            applied.send_if_modified(|before| {
                let changed = *before != index;
                *before = index;
                changed
            });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
