//! The role of a node that starts: in the descriptors, not in its flags.

use std::collections::BTreeSet;
use std::io;

use cameo_common::ids::NodeId;
use openraft::entry::EntryPayload;
use openraft::storage::{RaftLogReader as _, RaftLogStorage, RaftStateMachine};

use crate::consensus_types::TypeConfig;
use crate::raft::members::local_member::LocalMember;

/// Most entries that are read at once.
const BATCH_ENTRIES: u64 = 1_000;

/// What a node is in its cluster, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartsAs {
    /// It gives votes and tells its progress.
    Voter,
    /// It receives the log.
    Worker,
    /// It was a voter, and is no member any more.
    Removed,
}

/// The role of a node with this membership: its own voters, and all members.
///
/// Law: a node that may have promised something as a voter starts as one. It has when Raft's
/// membership has it as a voter, also where the state that was opened is behind.
pub(super) fn role(local: &LocalMember, is_worker: bool, membership: &Membership) -> StartsAs {
    let (id, key) = (local.me.id, &local.me.key);
    let Some(chain) = local.members.chain() else {
        return match is_worker {
            true => StartsAs::Worker,
            false => StartsAs::Voter,
        };
    };
    if chain.is_newest(id, key) || membership.voters.contains(&id) {
        return StartsAs::Voter;
    }
    let was_node = chain.has(id, key);
    match was_node && !membership.members.contains(&id) {
        true => StartsAs::Removed,
        false => StartsAs::Worker,
    }
}

/// The last membership in state and log.
#[derive(Debug, Default)]
pub(super) struct Membership {
    pub voters: BTreeSet<NodeId>,
    pub members: BTreeSet<NodeId>,
    /// The voters once, or twice while they change.
    pub configurations: Vec<BTreeSet<NodeId>>,
}

impl Membership {
    fn of(found: &crate::consensus_types::aliases::Membership) -> Self {
        Self {
            voters: found.voter_ids().collect(),
            members: found.nodes().map(|(id, _)| *id).collect(),
            configurations: found.get_joint_config().clone(),
        }
    }

    /// Reads it, before consensus uses the storage.
    pub async fn read<L, SM>(log: &mut L, state: &mut SM) -> io::Result<Self>
    where
        L: RaftLogStorage<TypeConfig>,
        SM: RaftStateMachine<TypeConfig>,
    {
        let (applied, stored) = state.applied_state().await?;
        let mut newest = Self::of(stored.membership());
        let found = log.get_log_state().await?;
        let after = |id: Option<crate::consensus_types::aliases::LogId>| {
            id.map_or(0, |id| id.index().saturating_add(1))
        };
        let mut next = after(applied).max(after(found.last_purged_log_id));
        let end = after(found.last_log_id);
        let mut reader = log.get_log_reader().await;
        while next < end {
            let to = end.min(next.saturating_add(BATCH_ENTRIES));
            let entries = reader.limited_get_log_entries(next, to).await?;
            let Some(last) = entries.last() else {
                break;
            };
            next = last.log_id.index().saturating_add(1);
            for entry in &entries {
                if let EntryPayload::Membership(membership) = &entry.payload {
                    newest = Self::of(membership);
                }
            }
        }
        Ok(newest)
    }
}
