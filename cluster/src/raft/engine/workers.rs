//! Changes of the workers (members without a vote), as entries of the log.
//!
//! A change is planned on the current membership, and appended only while that is still the last
//! one. So of two nodes that join at once under one id, or for the last free place, only one
//! succeeds.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::NodeId;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::storage::RaftStateMachine;
use openraft::{ChangeMembers, Precondition};

use crate::consensus_types::{Member, TypeConfig};
use crate::raft::rpc::wire::MemberRefusal;

/// Most workers without a vote. Each has up to three connections to a voter, which fit beside the
/// voters' own within the limit of `link`.
pub const MAX_WORKERS: usize = 32;

/// A change of the workers.
#[derive(Debug, Clone)]
pub(crate) enum WorkerChange {
    Add(NodeId, Member),
    Remove(NodeId),
}

type Change = ChangeMembers<NodeId, Member>;

/// Commits and applies the change. Only `Ok` is certain: after `Unsettled` it may be done or not.
pub(crate) async fn change<SM>(
    raft: openraft::Raft<TypeConfig, SM>,
    change: WorkerChange,
) -> Result<(), MemberRefusal>
where
    SM: RaftStateMachine<TypeConfig>,
{
    let (planned, seen) = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let nodes = membership.nodes().map(|(id, member)| (*id, member.clone()));
        let planned = plan(change, &nodes.collect(), &membership.voter_ids().collect())?;
        (planned, *metrics.membership_config.log_id())
    };
    let Some(planned) = planned else {
        return Ok(());
    };
    let unchanged = Precondition::LastMembershipLogId {
        last_membership_log_id: seen,
    };
    match raft.change_membership_if(planned, true, [unchanged]).await {
        Ok(_) => Ok(()),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
            Err(MemberRefusal::NotLeader { leader: None })
        }
        Err(error) => {
            tracing::info!(%error, "the change of the members failed or its outcome is unknown");
            Err(MemberRefusal::Unsettled)
        }
    }
}

/// The change for openraft; None when nothing is to be changed.
fn plan(
    change: WorkerChange,
    nodes: &BTreeMap<NodeId, Member>,
    voters: &BTreeSet<NodeId>,
) -> Result<Option<Change>, MemberRefusal> {
    match change {
        WorkerChange::Add(id, member) => match nodes.get(&id) {
            Some(known) if *known == member => Ok(None),
            Some(_) => Err(MemberRefusal::IdTaken),
            None => {
                has_room(nodes.len().saturating_sub(voters.len()))?;
                Ok(Some(Change::AddNodes(BTreeMap::from([(id, member)]))))
            }
        },
        WorkerChange::Remove(id) if voters.contains(&id) => Err(MemberRefusal::IsVoter),
        WorkerChange::Remove(id) if !nodes.contains_key(&id) => Err(MemberRefusal::NotAMember),
        WorkerChange::Remove(id) => Ok(Some(Change::RemoveNodes(BTreeSet::from([id])))),
    }
}

/// Checks that another worker may join a cluster with `workers` workers.
pub(crate) fn has_room(workers: usize) -> Result<(), MemberRefusal> {
    if workers < MAX_WORKERS {
        Ok(())
    } else {
        Err(MemberRefusal::Full {
            limit: MAX_WORKERS as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn member(key: u8) -> Member {
        Member {
            key: [key; 32],
            ..Member::default()
        }
    }

    fn nodes(ids: impl IntoIterator<Item = u64>) -> BTreeMap<NodeId, Member> {
        let node = |id| (NodeId(id), member(id as u8));
        ids.into_iter().map(node).collect()
    }

    fn add(id: u64, key: u8, nodes: &BTreeMap<NodeId, Member>) -> Result<bool, MemberRefusal> {
        let change = WorkerChange::Add(NodeId(id), member(key));
        Ok(plan(change, nodes, &[1, 2, 3].map(NodeId).into())?.is_some())
    }

    #[test]
    fn a_worker_is_added_once_and_an_id_is_not_reused() {
        let known = nodes(1..=4);
        assert_eq!(add(5, 5, &known), Ok(true));
        assert_eq!(add(4, 4, &known), Ok(false), "it is there already");
        assert_eq!(add(4, 9, &known), Err(MemberRefusal::IdTaken));
        assert_eq!(add(3, 9, &known), Err(MemberRefusal::IdTaken));
    }

    #[test]
    fn workers_are_added_up_to_the_limit() {
        let limit = MAX_WORKERS as u64;
        assert_eq!(add(100, 100, &nodes(1..=limit + 2)), Ok(true));
        let refused = add(100, 100, &nodes(1..=limit + 3));
        assert_eq!(refused, Err(MemberRefusal::Full { limit }));
    }

    #[test]
    fn a_worker_can_be_removed_and_a_voter_cannot() {
        let remove = |id| {
            plan(
                WorkerChange::Remove(NodeId(id)),
                &nodes(1..=4),
                &[1, 2, 3].map(NodeId).into(),
            )
        };
        assert!(remove(4).unwrap().is_some());
        assert_eq!(remove(3).unwrap_err(), MemberRefusal::IsVoter);
        assert_eq!(remove(5).unwrap_err(), MemberRefusal::NotAMember);
    }
}
