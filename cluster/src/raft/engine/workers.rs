//! Changes of the members without a vote, as entries of the log.
//!
//! A change is planned on the membership as seen, and appended only while that is still the last one: of
//! two nodes that join at once under one id, or for one last place, only one gets in.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::NodeId;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::storage::RaftStateMachine;
use openraft::{ChangeMembers, Precondition};

use crate::consensus_types::{Member, TypeConfig};
use crate::raft::rpc::wire::MemberRefusal;

/// Most workers without a vote. Each has up to three connections to a voter, and those fit beside the
/// voters' own in what `link` lets in.
pub const MAX_WORKERS: usize = 32;

/// A change of the workers.
#[derive(Debug, Clone)]
pub(crate) enum WorkerChange {
    Add(NodeId, Member),
    Remove(NodeId),
}

type Change = ChangeMembers<NodeId, Member>;

/// Has the change committed and applied. Certain only when it says so: `Unsettled` may be either.
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
            tracing::info!(%error, "the members were not changed");
            Err(MemberRefusal::Unsettled)
        }
    }
}

/// What openraft is asked for; nothing when all is as it should be.
fn plan(
    change: WorkerChange,
    nodes: &BTreeMap<NodeId, Member>,
    voters: &BTreeSet<NodeId>,
) -> Result<Option<Change>, MemberRefusal> {
    match change {
        WorkerChange::Add(id, member) => match nodes.get(&id) {
            Some(known) if *known == member => Ok(None),
            Some(_) => Err(MemberRefusal::Taken),
            None => {
                has_room(nodes.len().saturating_sub(voters.len()))?;
                Ok(Some(Change::AddNodes(BTreeMap::from([(id, member)]))))
            }
        },
        WorkerChange::Remove(id) if voters.contains(&id) => Err(MemberRefusal::Votes),
        WorkerChange::Remove(id) if !nodes.contains_key(&id) => Err(MemberRefusal::NotAMember),
        WorkerChange::Remove(id) => Ok(Some(Change::RemoveNodes(BTreeSet::from([id])))),
    }
}

/// Whether one more worker may join so many.
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
    fn a_worker_is_added_once_and_no_id_is_given_twice() {
        let known = nodes(1..=4);
        assert_eq!(add(5, 5, &known), Ok(true));
        assert_eq!(add(4, 4, &known), Ok(false), "it is there already");
        assert_eq!(add(4, 9, &known), Err(MemberRefusal::Taken));
        assert_eq!(add(3, 9, &known), Err(MemberRefusal::Taken));
    }

    #[test]
    fn the_last_place_is_given_and_no_more() {
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
        assert_eq!(remove(3).unwrap_err(), MemberRefusal::Votes);
        assert_eq!(remove(5).unwrap_err(), MemberRefusal::NotAMember);
    }
}
