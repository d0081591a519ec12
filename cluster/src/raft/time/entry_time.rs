//! The bound of the times in entries, at the nodes that receive them.
//!
//! Law: while a majority of the voters is honest, and what these have told this one last is right,
//! it takes no entry that is dated more than [`MAX_AHEAD`] ahead, but what it had applied before.
//! A voter takes an entry up to that far ahead of the time that a majority of all voters has
//! reached by what they have told, so that a clock that is wrong keeps no node out of an honest
//! cluster. Its own clock counts alone until a majority of the voters, itself among them, is
//! known, and three clocks, of which two can overrule the third. It takes also what a majority has
//! applied already, though it was dated by wrong clocks once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::{CLOCKS_TO_JUDGE, MEDIAN_LEAD};
use super::voter_times::VoterTimes;
use crate::host::clock::WallClock;

/// How far an entry's time may be ahead of a clock: an honest leader stamps [`MEDIAN_LEAD`] ahead
/// of the voters' median at most, and clocks that nobody sets drift by seconds a day. A command is
/// valid for two minutes.
pub(crate) const MAX_AHEAD: Duration = Duration::from_secs(2 * 60);

/// How much earlier than what it would take itself a leader stamps.
const STAMP_MARGIN: Duration = Duration::from_secs(60);
const _: () = assert!(MEDIAN_LEAD.as_millis() + STAMP_MARGIN.as_millis() < MAX_AHEAD.as_millis());

/// The same at a worker, which voters tell nothing and which releases nothing.
pub(crate) const WORKER_MAX_AHEAD: Duration = Duration::from_hours(24);

/// What this node knows of the time.
pub(crate) struct EntryTimes {
    me: NodeId,
    wall: Arc<dyn WallClock>,
    /// The greatest time of all entries that were applied here, also of those that have changed
    /// nothing.
    applied: AtomicU64,
    /// What the other voters have told last, and when. Kept for as long as the process runs: a
    /// voter that is down has told the time once, and it goes on.
    told: Mutex<BTreeMap<NodeId, (VoterTimes, Instant)>>,
    changed: watch::Sender<()>,
}

impl EntryTimes {
    pub fn new(me: NodeId, wall: Arc<dyn WallClock>) -> Self {
        Self {
            me,
            wall,
            applied: AtomicU64::new(Millis::EPOCH.0),
            told: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// What this node tells of the time.
    pub fn own(&self) -> VoterTimes {
        VoterTimes {
            clock: self.wall.unix_millis(),
            applied: Millis(self.applied.load(Ordering::Acquire)),
        }
    }

    /// Keeps the time of an entry that is committed and applied here.
    pub fn note_applied(&self, time: Millis) {
        self.applied.fetch_max(time.0, Ordering::AcqRel);
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

    /// The latest time in an entry that this node takes now. There is no bound from below: a quiet
    /// month is no attack.
    pub fn latest(&self, voters: &BTreeSet<NodeId>) -> Millis {
        self.latest_at(Instant::now(), voters)
    }

    /// The latest time that this voter stamps as the leader. The others have been told the same,
    /// at other moments.
    pub fn latest_stamp(&self, voters: &BTreeSet<NodeId>) -> Millis {
        self.latest(voters).minus(STAMP_MARGIN)
    }

    fn latest_at(&self, now: Instant, voters: &BTreeSet<NodeId>) -> Millis {
        let own = self.own();
        if !voters.contains(&self.me) {
            return own.clock.plus(WORKER_MAX_AHEAD);
        }
        let by_own = latest_by(own, Duration::ZERO);
        let known = self.known(now, voters, by_own);
        if known.len() < CLOCKS_TO_JUDGE || known.len() <= voters.len() / 2 {
            return by_own;
        }
        // One that has told nothing supports no later time than this node's clock does, as those
        // that have told may be liars; nor than they do, as this clock may be ahead.
        let of_silent = by_own.min(of_majority(known.clone()));
        let mut all = known;
        all.resize(voters.len(), of_silent);
        of_majority(all).max(own.applied)
    }

    /// What this voter and those that have told their times support.
    fn known(&self, now: Instant, voters: &BTreeSet<NodeId>, own: Millis) -> Vec<Millis> {
        let told = self.told.lock();
        let others = voters.iter().filter(|voter| **voter != self.me);
        let others = others.filter_map(|voter| told.get(voter));
        let others =
            others.map(|(times, at)| latest_by(*times, now.saturating_duration_since(*at)));
        others.chain([own]).collect()
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
