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

use super::NoAuthority;
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::{Vote, position};

/// How long a leader is not followed after an entry of it was refused: it sends it again, several
/// times in this time, for as long as it leads.
const NOT_FOLLOWED_FOR: Duration = Duration::from_secs(1);

/// The entry of each voter that was refused last.
#[derive(Default)]
pub(crate) struct RefusedLeader(Mutex<BTreeMap<NodeId, Refused>>);

struct Refused {
    vote: Vote,
    index: u64,
    at: Instant,
}

impl RefusedLeader {
    /// Judges an append of a voter in its own name, and what was found of its entries. `term` is
    /// this node's: what is older moves nothing, and is not marked.
    ///
    /// Any append keeps a leader in its place, whether it fits the log or not. So only one that
    /// brings what was missing is let through.
    pub fn judge(
        &self,
        rpc: &AppendEntriesRequest<TypeConfig>,
        checked: &Result<(), NoAuthority>,
        term: u64,
        now: Instant,
    ) -> Result<(), NoAuthority> {
        let leader = rpc.vote.leader_id;
        if leader.term < term {
            return Ok(());
        }
        let mut marks = self.0.lock();
        if let Err(NoAuthority::Time { index, .. }) = *checked {
            let (vote, at) = (rpc.vote, now);
            marks.insert(leader.voted_for, Refused { vote, index, at });
            return Ok(());
        }
        let Some(refused) = marks.get(&leader.voted_for) else {
            return Ok(());
        };
        if refused.vote != rpc.vote || now >= refused.at + NOT_FOLLOWED_FOR {
            marks.remove(&leader.voted_for);
            return Ok(());
        }
        match checked {
            Ok(()) if !brings_missing(rpc, refused.index) => Err(NoAuthority::NotFollowed),
            Ok(()) if covers(rpc, refused.index) => {
                marks.remove(&leader.voted_for);
                Ok(())
            }
            _ => Ok(()),
        }
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
