//! The bound of the times in entries, at the nodes that receive them.
//!
//! Law: while a majority of the voters is honest and has right clocks, no entry that one of these
//! takes is dated more than [`MAX_AHEAD`] ahead. A voter takes an entry up to that far ahead
//! of its own clock, or of the time that a majority of all voters has reached by what they have
//! told: a clock that is slow keeps no node out of an honest cluster. It takes also what a majority
//! has applied already, though it was dated by wrong clocks once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::MEDIAN_LEAD;
use super::voter_times::VoterTimes;
use crate::host::clock::WallClock;
use crate::raft::ports::AppliedTime;

/// How far an entry's time may be ahead of a clock: an honest leader stamps [`MEDIAN_LEAD`] ahead
/// of the voters' median at most, and clocks that nobody sets drift by seconds a day. A command is
/// valid for two minutes.
pub(crate) const MAX_AHEAD: Duration = Duration::from_secs(2 * 60);
const _: () = assert!(MEDIAN_LEAD.as_millis() < MAX_AHEAD.as_millis());

/// The same at a worker, which voters tell nothing and which releases nothing.
pub(crate) const WORKER_MAX_AHEAD: Duration = Duration::from_hours(24);

/// What this node knows of the time.
pub(crate) struct EntryTimes {
    me: NodeId,
    wall: Arc<dyn WallClock>,
    applied: AppliedTime,
    /// What the other voters have told last, and when. Kept for as long as the process runs: a
    /// voter that is down has told the time once, and it goes on.
    told: Mutex<BTreeMap<NodeId, (VoterTimes, Instant)>>,
    changed: watch::Sender<()>,
}

impl EntryTimes {
    pub fn new(me: NodeId, wall: Arc<dyn WallClock>, applied: AppliedTime) -> Self {
        Self {
            me,
            wall,
            applied,
            told: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// What this node tells of the time.
    pub fn own(&self) -> VoterTimes {
        VoterTimes {
            clock: self.wall.unix_millis(),
            applied: (self.applied)(),
        }
    }

    /// Records what a voter has told now.
    pub fn record(&self, voter: NodeId, times: VoterTimes) {
        self.told.lock().insert(voter, (times, Instant::now()));
        self.changed.send_replace(());
    }

    /// Returns after a voter has told its times.
    pub async fn changed(&self) {
        // The sender is in `self`.
        let _ = self.changed.subscribe().changed().await;
    }

    /// Whether an entry of this time is taken. There is no bound from below: a quiet month is no
    /// attack.
    pub fn allow(&self, time: Millis, voters: &BTreeSet<NodeId>) -> bool {
        self.allow_at(Instant::now(), time, voters)
    }

    fn allow_at(&self, now: Instant, time: Millis, voters: &BTreeSet<NodeId>) -> bool {
        let clock = self.wall.unix_millis();
        if !voters.contains(&self.me) {
            return time <= clock.plus(WORKER_MAX_AHEAD);
        }
        // Almost always the clock is enough: no state is read, and no lock taken.
        time <= clock.plus(MAX_AHEAD) || time <= self.latest(now, voters)
    }

    /// The latest time that is taken at this voter.
    fn latest(&self, now: Instant, voters: &BTreeSet<NodeId>) -> Millis {
        let own = latest_by(self.own(), Duration::ZERO);
        let told = self.told.lock();
        let others = voters.iter().filter(|voter| **voter != self.me);
        let others = others.map(|voter| match told.get(voter) {
            Some((times, at)) => latest_by(*times, now.saturating_duration_since(*at)),
            // One that has told nothing supports this node's own clock, and no later time.
            None => own,
        });
        own.max(of_majority(others.chain([own]).collect()))
    }
}

/// The latest time that a voter's word supports, `age` after it was told. Only the clock goes on,
/// and only it has a tolerance: with one for what was applied, each entry would move the next.
fn latest_by(times: VoterTimes, age: Duration) -> Millis {
    times.clock.plus(age).plus(MAX_AHEAD).max(times.applied)
}

/// The latest time that a majority of these supports: the lower median, by which honest leaders
/// stamp too.
fn of_majority(mut latest: Vec<Millis>) -> Millis {
    latest.sort_unstable();
    let middle = latest.len().saturating_sub(1) / 2;
    latest.get(middle).copied().unwrap_or(Millis::EPOCH)
}

#[cfg(test)]
pub(crate) mod tests;
