//! The leader that this node does not follow, for the time in an entry.
//!
//! An entry that is refused by its time stays in its leader's log, and with it all that comes after
//! it. An honest leader has one if its clock was wrong and was set right since. The others have to
//! elect a leader without it, so that they do not go on to follow this one.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::NodeId;
use openraft::raft::AppendEntriesRequest;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Here, NoAuthority};
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::{LeaderId, position};

/// How long a leader is not followed after an entry of it was refused: it sends it again, several
/// times in this time, for as long as it leads.
const NOT_FOLLOWED_FOR: Duration = Duration::from_secs(1);

/// The entry of each voter that was refused last.
#[derive(Default)]
pub(crate) struct RefusedLeader(Mutex<BTreeMap<NodeId, Refused>>);

struct Refused {
    leader: LeaderId,
    index: u64,
    at: Instant,
}

impl RefusedLeader {
    /// Judges an append, and what was found of it: only what is said by a voter in its own name
    /// moves a mark. What is of an earlier term than this node's moves nothing at all.
    ///
    /// Any append that is served keeps a leader in its place, whether it fits the log or not. So
    /// only one that brings what was missing is let through.
    pub(super) fn judge(
        &self,
        rpc: &AppendEntriesRequest<TypeConfig>,
        checked: &Result<(), NoAuthority>,
        here: &Here<'_>,
        now: Instant,
    ) -> Result<(), NoAuthority> {
        let leader = rpc.vote.leader_id;
        if leader.term < here.term {
            return Ok(());
        }
        match checked {
            Err(NoAuthority::Time { index, .. }) => {
                let (index, at) = (*index, now);
                let refused = Refused { leader, index, at };
                self.0.lock().insert(leader.voted_for, refused);
                Ok(())
            }
            Err(_) => Ok(()),
            Ok(()) => self.is_followed(rpc, here.applied, now),
        }
    }

    fn is_followed(
        &self,
        rpc: &AppendEntriesRequest<TypeConfig>,
        applied: u64,
        now: Instant,
    ) -> Result<(), NoAuthority> {
        let mut marks = self.0.lock();
        let leader = rpc.vote.leader_id;
        let Some(refused) = marks.get(&leader.voted_for) else {
            return Ok(());
        };
        let is_over = refused.leader != leader
            || now >= refused.at + NOT_FOLLOWED_FOR
            || applied >= refused.index;
        if !is_over && !brings_missing(rpc, refused.index) {
            return Err(NoAuthority::NotFollowed);
        }
        if is_over || covers(rpc, refused.index) {
            marks.remove(&leader.voted_for);
        }
        Ok(())
    }
}

/// Whether it has entries from the refused one on, or from before it.
fn brings_missing(rpc: &AppendEntriesRequest<TypeConfig>, refused: u64) -> bool {
    let first = rpc.entries.first();
    first.is_some_and(|first| position(&first.log_id).1 <= refused)
}

/// Whether the refused entry is among those that are taken now.
fn covers(rpc: &AppendEntriesRequest<TypeConfig>, refused: u64) -> bool {
    let last = rpc.entries.last();
    last.is_some_and(|last| position(&last.log_id).1 >= refused)
}
