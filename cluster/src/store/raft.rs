//! openraft's types as this folder spells them.

use openraft::type_config::alias;

use crate::raft::types::TypeConfig;

pub(super) type Entry = alias::EntryOf<TypeConfig>;
pub(super) type Payload = alias::PayloadOf<TypeConfig>;
pub(super) type LeaderId = alias::LeaderIdOf<TypeConfig>;
pub(super) type CommittedLeaderId = alias::CommittedLeaderIdOf<TypeConfig>;
pub(super) type LogId = alias::LogIdOf<TypeConfig>;
pub(super) type Vote = alias::VoteOf<TypeConfig>;
pub(super) type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
pub(super) type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
pub(super) type Snapshot = alias::SnapshotOf<TypeConfig, super::SnapshotFile>;

/// `(term, index)` of a log id.
pub(super) fn position(id: &LogId) -> (u64, u64) {
    (id.committed_leader_id().term, id.index())
}
