//! Encoding of log ids and membership on disk: plain types of our own, so that openraft may change
//! its types without a change of our files.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::NodeId;
use cameo_common::wire::{VersionError, WireError, decode_versioned, encode_versioned};
use openraft::Membership;
use serde::{Deserialize, Serialize};

use crate::certificate::StatePoint;
use crate::consensus_types::Member;
use crate::consensus_types::aliases::{CommittedLeaderId, LogId, StoredMembership, position};

const VERSION: u8 = 2;

#[derive(Debug, thiserror::Error)]
pub(crate) enum MetaError {
    #[error("unknown version {0}")]
    UnknownVersion(u16),
    #[error("damaged: {0}")]
    Damaged(&'static str),
}

impl From<VersionError> for MetaError {
    fn from(error: VersionError) -> Self {
        match error {
            VersionError::UnknownVersion(found) => Self::UnknownVersion(found),
            VersionError::Wire(WireError::Malformed) => Self::Damaged("cannot be decoded"),
            VersionError::Wire(WireError::NotCanonical) => Self::Damaged("not in canonical form"),
        }
    }
}

/// The last applied entry and the membership at that point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Applied {
    pub log_id: Option<LogId>,
    pub membership: StoredMembership,
}

impl Applied {
    /// 0 before any entry was applied, otherwise index + 1.
    pub fn version(&self) -> u64 {
        self.log_id.as_ref().map_or(0, |id| id.index() + 1)
    }

    pub fn index(&self) -> Option<u64> {
        self.log_id.as_ref().map(|id| id.index())
    }

    /// What the voters sign of the state with this digest of its rows; None before any entry.
    pub fn point(&self, rows: &[u8; 32]) -> Option<StatePoint> {
        let (term, index) = position(self.log_id.as_ref()?);
        Some(StatePoint::new(term, index, &self.encode(), rows))
    }

    pub fn encode(&self) -> Vec<u8> {
        let row = AppliedV2 {
            log_id: self.log_id.as_ref().map(LogIdV2::from),
            membership_log_id: self.membership.log_id().as_ref().map(LogIdV2::from),
            membership: MembershipV1::from(self.membership.membership()),
        };
        encode_versioned(VERSION, &row)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, MetaError> {
        let row: AppliedV2 = decode_versioned(VERSION, bytes)?;
        let membership = row.membership.restore()?;
        let at = row.membership_log_id.map(LogId::from);
        Ok(Self {
            log_id: row.log_id.map(LogId::from),
            membership: StoredMembership::new(at, membership),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct AppliedV2 {
    log_id: Option<LogIdV2>,
    membership_log_id: Option<LogIdV2>,
    membership: MembershipV1,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct LogIdV2 {
    term: u64,
    index: u64,
}

impl From<&LogId> for LogIdV2 {
    fn from(id: &LogId) -> Self {
        Self {
            term: id.committed_leader_id().term,
            index: id.index(),
        }
    }
}

impl From<LogIdV2> for LogId {
    fn from(id: LogIdV2) -> Self {
        LogId::new(CommittedLeaderId { term: id.term }, id.index)
    }
}

/// Voters (two sets during a joint change) and all members.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MembershipV1 {
    voters: Vec<BTreeSet<NodeId>>,
    members: BTreeMap<NodeId, MemberV1>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct MemberV1 {
    link: String,
    http: String,
    key: [u8; 32],
}

impl From<&Membership<NodeId, Member>> for MembershipV1 {
    fn from(membership: &Membership<NodeId, Member>) -> Self {
        let member = |(id, member): (&NodeId, &Member)| {
            let row = MemberV1 {
                link: member.link.clone(),
                http: member.http.clone(),
                key: member.key,
            };
            (*id, row)
        };
        Self {
            voters: membership.get_joint_config().clone(),
            members: membership.nodes().map(member).collect(),
        }
    }
}

impl MembershipV1 {
    pub fn restore(self) -> Result<Membership<NodeId, Member>, MetaError> {
        if self.voters.is_empty() && self.members.is_empty() {
            return Ok(Membership::default());
        }
        let member = |(id, row): (NodeId, MemberV1)| {
            let member = Member {
                link: row.link,
                http: row.http,
                key: row.key,
            };
            (id, member)
        };
        let members: BTreeMap<_, _> = self.members.into_iter().map(member).collect();
        Membership::new(self.voters, members)
            .map_err(|_| MetaError::Damaged("the membership is inconsistent"))
    }
}
