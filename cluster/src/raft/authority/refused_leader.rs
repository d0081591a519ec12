//! The leader that this node does not follow, for the time in an entry.
//!
//! An entry that is refused by its time stays in its leader's log, and with it all that comes after
//! it. An honest leader has one if its clock was wrong and was set right since. The others have to
//! elect a leader without it, so that they do not go on to follow this one.

use std::time::Duration;

use openraft::raft::AppendEntriesRequest;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::NoAuthority;
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::Vote;

/// How long a leader is not followed after an entry of it was refused: it sends it again, several
/// times in this time, for as long as it leads.
const NOT_FOLLOWED_FOR: Duration = Duration::from_secs(1);

/// The leader whose entry was refused last, and when.
#[derive(Default)]
pub(crate) struct RefusedLeader(Mutex<Option<(Vote, Instant)>>);

impl RefusedLeader {
    /// Judges an append, and what was found of its entries. Those without entries are what keeps a
    /// leader in its place.
    pub fn judge(
        &self,
        rpc: &AppendEntriesRequest<TypeConfig>,
        checked: &Result<(), NoAuthority>,
        now: Instant,
    ) -> Result<(), NoAuthority> {
        let mut refused = self.0.lock();
        let is_refused =
            refused.is_some_and(|(vote, at)| vote == rpc.vote && now < at + NOT_FOLLOWED_FOR);
        match checked {
            Err(NoAuthority::Time { .. }) => *refused = Some((rpc.vote, now)),
            Ok(()) if is_refused && rpc.entries.is_empty() => return Err(NoAuthority::NotFollowed),
            _ => {}
        }
        Ok(())
    }
}
