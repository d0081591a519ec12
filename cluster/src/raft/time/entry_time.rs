//! The bound of the times in entries, at the nodes that receive them.
//!
//! Law: no node's word alone moves the time of the log by more than [`MAX_AHEAD`]. An entry is
//! taken up to that far ahead of this node's clock. Where it is dated later, the other voters are
//! asked for their clocks, and for the time of their state: a clock that is slow keeps no node out
//! of an honest cluster, and what a majority has applied is taken also when it was dated by wrong
//! clocks once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::clock::MEDIAN_LEAD;
use crate::host::clock::WallClock;
use crate::raft::ports::AppliedTime;

/// How far an entry's time may be ahead of a clock: an honest leader stamps [`MEDIAN_LEAD`] ahead
/// of the voters' median at most, and clocks that are not synchronised drift by seconds a day. A
/// command is valid for two minutes, so that no lying leader dates others' commands out of theirs
/// for longer than these.
pub(crate) const MAX_AHEAD: Duration = Duration::from_secs(2 * 60);
const _: () = assert!(MEDIAN_LEAD.as_millis() < MAX_AHEAD.as_millis());

/// How far an entry's time may be ahead of this node's clock, whatever others say.
pub(crate) const MAX_CLOCK_ERROR: Duration = Duration::from_hours(24);

/// What a voter says of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimesTold {
    /// Its wall clock.
    pub clock: Millis,
    /// The time that its state has reached.
    pub applied: Millis,
}

impl TimesTold {
    /// The latest entry time that these times allow, `age` after they were told. Time is added to
    /// the clock alone: a state's time that grew by itself would be no bound.
    fn latest(&self, age: Duration) -> Millis {
        self.clock.plus(age).plus(MAX_AHEAD).max(self.applied)
    }
}

/// What this node knows of the time.
pub(crate) struct EntryTimes {
    me: NodeId,
    wall: Arc<dyn WallClock>,
    applied: AppliedTime,
    told: Mutex<BTreeMap<NodeId, (TimesTold, Instant)>>,
    /// Wakes the task that asks the other voters.
    wanted: Notify,
    /// Counts the rounds in which they were asked.
    rounds: watch::Sender<u64>,
}

impl EntryTimes {
    pub fn new(me: NodeId, wall: Arc<dyn WallClock>, applied: AppliedTime) -> Self {
        Self {
            me,
            wall,
            applied,
            told: Mutex::default(),
            wanted: Notify::new(),
            rounds: watch::Sender::new(0),
        }
    }

    /// What this node says of the time.
    pub fn own(&self) -> TimesTold {
        TimesTold {
            clock: self.wall.unix_millis(),
            applied: (self.applied)(),
        }
    }

    /// Whether an entry of this time is taken. Where it is not, the other voters are asked.
    pub fn allow(&self, time: Millis, voters: &BTreeSet<NodeId>) -> bool {
        // Almost always: no state is read, and no lock taken.
        if time <= self.wall.unix_millis().plus(MAX_AHEAD) {
            return true;
        }
        let is_allowed = time <= self.latest(voters);
        if !is_allowed {
            self.wanted.notify_one();
        }
        is_allowed
    }

    /// What a round of questions has brought, all at once: fewer answers may be liars' alone.
    pub fn record(&self, round: BTreeMap<NodeId, TimesTold>) {
        let now = Instant::now();
        let round = round.into_iter().map(|(node, told)| (node, (told, now)));
        self.told.lock().extend(round);
        self.rounds.send_modify(|count| *count += 1);
    }

    /// Returns when an entry was dated too late to be taken.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Returns after the next round of questions.
    pub async fn next_round(&self) {
        // The sender is in `self`.
        let _ = self.rounds.subscribe().changed().await;
    }

    fn latest(&self, voters: &BTreeSet<NodeId>) -> Millis {
        let own = self.own();
        let mine = own.latest(Duration::ZERO);
        let now = Instant::now();
        let told = self.told.lock();
        let others = told.iter();
        let others = others.filter(|(node, _)| **node != self.me && voters.contains(node));
        let others = others.map(|(_, (told, at))| told.latest(now.saturating_duration_since(*at)));
        let is_voter = voters.contains(&self.me);
        let of_voters = others.chain(is_voter.then_some(mine)).collect();
        let by_voters = of_majority(of_voters, voters.len()).unwrap_or(mine);
        by_voters.min(own.clock.plus(MAX_CLOCK_ERROR)).max(mine)
    }
}

/// The lower median of what is known of the voters; None when that is no majority. As in
/// [`super::clock::log_time`], by which honest leaders stamp, so that of two the later one does not
/// win.
fn of_majority(mut latest: Vec<Millis>, voters: usize) -> Option<Millis> {
    if latest.len() < voters / 2 + 1 {
        return None;
    }
    latest.sort_unstable();
    latest.get((latest.len() - 1) / 2).copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const NOW: Millis = Millis(1_700_000_000_000);
    const HOUR: Duration = Duration::from_hours(1);
    const ME: NodeId = NodeId(1);

    pub(crate) struct FixedClock(pub Millis);
    impl WallClock for FixedClock {
        fn unix_millis(&self) -> Millis {
            self.0
        }
    }

    fn voters(count: u64) -> BTreeSet<NodeId> {
        (1..=count).map(NodeId).collect()
    }

    /// A node with a right clock and a state that is as far.
    fn times(me: NodeId) -> EntryTimes {
        EntryTimes::new(me, Arc::new(FixedClock(NOW)), Arc::new(|| NOW))
    }

    fn clock(ahead: Duration) -> TimesTold {
        TimesTold {
            clock: NOW.plus(ahead),
            applied: NOW,
        }
    }

    fn told(times: &EntryTimes, told: &[(u64, TimesTold)]) {
        let told = told.iter().map(|(node, told)| (NodeId(*node), *told));
        times.record(told.collect());
    }

    /// Whether an entry is taken that is dated so far ahead, among so many voters.
    fn allows(times: &EntryTimes, count: u64, ahead: Duration) -> bool {
        times.allow(NOW.plus(ahead), &voters(count))
    }

    #[test]
    fn attack_a_lying_leader_dates_no_entry_more_than_minutes_ahead() {
        // given a node that has asked nobody, and one whose leader says that it is an hour later
        let (alone, lied_to) = (times(ME), times(ME));
        told(&lied_to, &[(2, clock(HOUR)), (3, clock(Duration::ZERO))]);
        for times in [alone, lied_to] {
            for count in [2, 3] {
                assert!(allows(&times, count, MAX_AHEAD));
                // then no time of that hour is taken
                let too_far = MAX_AHEAD + Duration::from_secs(60);
                assert!(!allows(&times, count, too_far));
                assert!(!allows(&times, count, HOUR));
                assert!(!times.allow(Millis(u64::MAX), &voters(count)));
            }
        }
    }

    #[test]
    fn attack_a_lying_minority_does_not_date_entries_ahead_by_its_clocks() {
        let right = clock(Duration::ZERO);
        let lie = clock(HOUR);
        for (count, known) in [
            (3, vec![(2, lie)]),
            (4, vec![(2, lie), (3, right)]),
            (5, vec![(2, lie), (3, lie), (4, right)]),
            (5, vec![(2, lie), (3, lie), (4, right), (5, right)]),
            // or by those of nodes that have no vote
            (3, vec![(2, lie), (8, lie), (9, lie)]),
        ] {
            let times = times(ME);
            told(&times, &known);
            assert!(!allows(&times, count, HOUR), "{known:?} of {count}");
        }
    }

    #[test]
    fn attack_small_steps_do_not_move_the_time_further() {
        // given a state that an entry has brought to the bound, at all nodes
        let at_bound = NOW.plus(MAX_AHEAD);
        let times = EntryTimes::new(ME, Arc::new(FixedClock(NOW)), Arc::new(move || at_bound));
        let applied = TimesTold {
            clock: NOW,
            applied: at_bound,
        };
        told(&times, &[(2, applied), (3, applied)]);
        // when the next one is dated from there
        let next = Duration::from_secs(60);
        assert!(!allows(&times, 3, MAX_AHEAD + next));
        assert!(allows(&times, 3, MAX_AHEAD));
    }

    #[test]
    fn a_node_whose_clock_is_slow_takes_what_a_majority_of_the_clocks_allows_up_to_a_day() {
        let times = times(ME);
        assert!(!allows(&times, 3, HOUR));
        told(&times, &[(2, clock(HOUR)), (3, clock(HOUR))]);
        assert!(allows(&times, 3, HOUR + MAX_AHEAD));
        assert!(!allows(&times, 3, HOUR + 2 * MAX_AHEAD));
        let week = clock(7 * MAX_CLOCK_ERROR);
        told(&times, &[(2, week), (3, week)]);
        assert!(allows(&times, 3, MAX_CLOCK_ERROR));
        assert!(!allows(&times, 3, MAX_CLOCK_ERROR + HOUR));
    }

    #[test]
    fn a_worker_asks_voters_and_its_own_clock_counts_for_itself_alone() {
        let times = times(NodeId(9));
        told(&times, &[(1, clock(HOUR))]);
        assert!(!allows(&times, 3, HOUR));
        told(&times, &[(2, clock(HOUR))]);
        assert!(allows(&times, 3, HOUR));
    }

    #[test]
    fn entries_that_a_majority_has_applied_are_taken_also_when_clocks_were_wrong_then() {
        // given a node that lacks entries which were dated by clocks that were an hour ahead
        let times = times(ME);
        let applied = TimesTold {
            clock: NOW,
            applied: NOW.plus(HOUR),
        };
        told(&times, &[(2, applied)]);
        // then one voter's word for it is not enough, and two are
        assert!(!allows(&times, 3, HOUR));
        told(&times, &[(3, applied)]);
        assert!(allows(&times, 3, HOUR));
        assert!(!allows(&times, 3, HOUR + Duration::from_secs(60)));
    }

    #[test]
    fn times_behind_this_node_are_always_taken() {
        let state_ahead = NOW.plus(3 * MAX_CLOCK_ERROR);
        let times = EntryTimes::new(ME, Arc::new(FixedClock(NOW)), Arc::new(move || state_ahead));
        for time in [Millis(0), NOW, state_ahead] {
            assert!(times.allow(time, &voters(3)), "{time}");
        }
    }
}
