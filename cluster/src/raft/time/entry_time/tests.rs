//! The bound of times, over what voters have told.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::raft::time::clock::log_time;

const NOW: Millis = Millis(1_700_000_000_000);
const HOUR: Duration = Duration::from_hours(1);
const ME: NodeId = NodeId(1);

/// A clock that stands still.
pub(crate) struct FixedClock(pub Millis);
impl WallClock for FixedClock {
    fn unix_millis(&self) -> Millis {
        self.0
    }
}

/// Voters 1 to `count`.
fn voters(count: u64) -> BTreeSet<NodeId> {
    (1..=count).map(NodeId).collect()
}

fn at_clock(me: NodeId, clock: Millis) -> EntryTimes {
    EntryTimes::new(me, Arc::new(FixedClock(clock)))
}

/// Of a node with a right clock.
fn times(me: NodeId) -> EntryTimes {
    at_clock(me, NOW)
}

fn clock(ahead: Duration) -> VoterTimes {
    VoterTimes {
        clock: NOW.plus(ahead),
        applied: NOW,
    }
}

fn told(times: &EntryTimes, told: &[(u64, VoterTimes)]) {
    for (voter, told) in told {
        times.record(NodeId(*voter), *told);
    }
}

/// Whether an entry is taken that is dated so far ahead, among so many voters.
fn allows(times: &EntryTimes, count: u64, ahead: Duration) -> bool {
    NOW.plus(ahead) <= times.latest(&voters(count))
}

#[test]
fn attack_a_lying_leader_dates_no_entry_more_than_minutes_ahead() {
    // given a node that was told nothing, and one whose leader says that it is an hour later
    let (alone, lied_to) = (times(ME), times(ME));
    told(&lied_to, &[(2, clock(HOUR)), (3, clock(Duration::ZERO))]);
    for times in [alone, lied_to] {
        for count in [2, 3] {
            assert!(allows(&times, count, MAX_AHEAD));
            // then no time of that hour is taken
            let too_far = MAX_AHEAD + Duration::from_secs(60);
            assert!(!allows(&times, count, too_far));
            assert!(!allows(&times, count, HOUR));
            assert!(Millis(u64::MAX) > times.latest(&voters(count)));
        }
    }
}

#[test]
fn attack_a_lying_minority_does_not_date_entries_ahead_by_its_clocks() {
    let right = clock(Duration::ZERO);
    let lie = clock(HOUR);
    let end = VoterTimes {
        clock: Millis(u64::MAX),
        applied: Millis(u64::MAX),
    };
    for (count, known) in [
        (3, vec![(2, lie)]),
        (3, vec![(2, end)]),
        (4, vec![(2, lie), (3, right)]),
        // two of five, while the others have told nothing yet
        (5, vec![(2, lie), (3, lie)]),
        (5, vec![(2, lie), (3, end), (4, right), (5, right)]),
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
    let times = times(ME);
    times.note_applied(at_bound);
    let applied = VoterTimes {
        clock: NOW,
        applied: at_bound,
    };
    told(&times, &[(2, applied), (3, applied)]);
    // when the next one is dated from there
    assert!(allows(&times, 3, MAX_AHEAD));
    assert!(!allows(&times, 3, 2 * MAX_AHEAD));
}

#[test]
fn a_voter_whose_clock_is_slow_takes_what_a_majority_of_the_clocks_allows() {
    for slow_by in [HOUR, 1_000 * HOUR] {
        let times = times(ME);
        told(&times, &[(2, clock(slow_by))]);
        // One of the others might lie.
        assert!(!allows(&times, 3, slow_by));
        told(&times, &[(3, clock(slow_by))]);
        assert!(allows(&times, 3, slow_by + MAX_AHEAD));
        assert!(!allows(&times, 3, slow_by + 2 * MAX_AHEAD));
    }
}

#[test]
fn the_clock_of_a_voter_that_is_down_goes_on() {
    let times = times(ME);
    told(&times, &[(2, clock(HOUR)), (3, clock(HOUR))]);
    assert!(!allows(&times, 3, 5 * HOUR));
    // when both have been silent for long, and the own clock stands still
    let later = Instant::now() + 4 * HOUR;
    let allows = |ahead| NOW.plus(ahead) <= times.latest_at(later, &voters(3));
    assert!(allows(5 * HOUR));
    assert!(!allows(6 * HOUR));
}

#[test]
fn entries_that_a_majority_has_applied_are_taken_also_when_clocks_were_wrong_then() {
    // given a node that lacks entries which were dated by clocks that were an hour ahead
    let times = times(ME);
    let applied = VoterTimes {
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
fn attack_a_liar_dates_no_entry_ahead_by_an_honest_clock_that_is_ahead() {
    let right = clock(Duration::ZERO);
    for (count, known) in [
        (3, vec![(2, right), (3, right)]),
        (5, vec![(2, right), (3, right)]),
        (
            5,
            vec![(2, right), (3, right), (4, right), (5, clock(HOUR))],
        ),
    ] {
        // given a node whose clock is an hour ahead, and that nobody has told the time
        let fast = at_clock(ME, NOW.plus(HOUR));
        assert!(allows(&fast, count, HOUR));
        // then it takes no entry by its own clock once a majority has told it
        told(&fast, &known);
        assert!(!allows(&fast, count, HOUR), "{known:?} of {count}");
        assert!(allows(&fast, count, MAX_AHEAD));
    }
}

#[test]
fn a_leader_stamps_no_later_than_a_majority_of_all_voters_takes() {
    // given three of five that see each other, of which one is slow, as two that are down were
    let slow = VoterTimes {
        clock: NOW.minus(HOUR),
        applied: Millis::EPOCH,
    };
    let right = clock(Duration::ZERO);
    let leader = times(ME);
    told(&leader, &[(2, right), (3, slow), (4, slow), (5, slow)]);
    let follower = at_clock(NodeId(3), slow.clock);
    told(&follower, &[(1, right), (2, right), (4, slow), (5, slow)]);
    // when the leader stamps by those that answer it
    let by_clocks = log_time(NOW, &[NOW, slow.clock], 5).unwrap().stamp;
    assert!(by_clocks > follower.latest(&voters(5)));
    let stamp = by_clocks.min(leader.latest_stamp(&voters(5)));
    // then the slow one takes it as well
    assert!(stamp <= follower.latest(&voters(5)));
    assert!(stamp <= leader.latest(&voters(5)));
}

#[test]
fn of_two_clocks_that_are_known_a_slow_one_does_not_overrule_this_nodes() {
    for count in [2, 3] {
        let times = times(ME);
        let slow = VoterTimes {
            clock: NOW.minus(HOUR),
            applied: Millis::EPOCH,
        };
        told(&times, &[(2, slow)]);
        assert!(allows(&times, count, Duration::ZERO));
    }
}

#[test]
fn times_behind_this_node_are_always_taken() {
    let state_ahead = NOW.plus(100 * HOUR);
    let times = times(ME);
    times.note_applied(state_ahead);
    for time in [Millis(0), NOW, state_ahead] {
        assert!(time <= times.latest(&voters(3)), "{time}");
    }
}

#[test]
fn a_worker_keeps_the_bound_of_a_day() {
    let worker = times(NodeId(9));
    told(&worker, &[(1, clock(100 * HOUR)), (2, clock(100 * HOUR))]);
    assert!(allows(&worker, 3, WORKER_MAX_AHEAD));
    assert!(!allows(&worker, 3, WORKER_MAX_AHEAD + HOUR));
}

proptest! {
    #[test]
    fn attack_whatever_a_minority_tells_the_bound_is_that_of_the_honest_clocks(
        count in 1usize..=7,
        // What each voter tells: its clock, what it has applied, and whether it was heard at all.
        words in prop::collection::vec(any::<(u64, u64, bool)>(), 7),
        // How slow each honest clock is.
        slow in prop::collection::vec(0u64..10_000_000, 7),
    ) {
        let liars = (count - 1) / 2;
        let me = at_clock(ME, Millis(NOW.0 - slow[0]));
        for voter in 1..count {
            let (clock, applied, is_heard) = words[voter];
            let times = if voter <= liars {
                VoterTimes { clock: Millis(clock), applied: Millis(applied) }
            } else {
                VoterTimes { clock: Millis(NOW.0 - slow[voter]), applied: NOW }
            };
            if is_heard {
                me.record(NodeId(voter as u64 + 1), times);
            }
        }
        let voters = voters(count as u64);
        prop_assert!(NOW.plus(MAX_AHEAD).plus(Duration::from_secs(1)) > me.latest(&voters));
    }

    #[test]
    fn attack_a_minority_dates_no_entry_ahead_at_any_honest_clock_that_the_others_have_told(
        count in 3usize..=7,
        words in prop::collection::vec(any::<(u64, u64)>(), 7),
        mine in any::<u64>(),
    ) {
        // given that this clock and those of liars are wrong, and they are fewer than half
        let liars = (count - 1) / 2 - 1;
        let me = at_clock(ME, Millis(mine));
        for (nth, (clock, applied)) in words.into_iter().take(count - 1).enumerate() {
            let times = if nth < liars {
                VoterTimes { clock: Millis(clock), applied: Millis(applied) }
            } else {
                VoterTimes { clock: NOW, applied: NOW }
            };
            me.record(NodeId(nth as u64 + 2), times);
        }
        let voters = voters(count as u64);
        prop_assert!(NOW.plus(MAX_AHEAD).plus(Duration::from_secs(1)) > me.latest(&voters));
        prop_assert!(NOW <= me.latest(&voters));
    }

    #[test]
    fn what_an_honest_leader_stamps_is_taken_however_wrong_the_clocks_are(
        clocks in prop::collection::vec(0u64..u64::MAX / 2, 1..=7),
        leader in any::<prop::sample::Index>(),
    ) {
        let clocks: Vec<_> = clocks.into_iter().map(Millis).collect();
        let leader = leader.index(clocks.len());
        let mut others = clocks.clone();
        let local = others.remove(leader);
        // By all clocks, and with a leader and one follower of three that see each other alone.
        let stamp = |known: &[Millis]| log_time(local, known, clocks.len()).map(|time| time.stamp);
        let voters = voters(clocks.len() as u64);
        for (follower, clock) in clocks.iter().enumerate() {
            let me = NodeId(follower as u64 + 1);
            let times = at_clock(me, *clock);
            if clocks.len() == 3 && follower != leader {
                prop_assert!(stamp(&[*clock]).unwrap() <= times.latest(&voters));
            }
            for (voter, clock) in clocks.iter().enumerate() {
                let told = VoterTimes { clock: *clock, applied: Millis::EPOCH };
                times.record(NodeId(voter as u64 + 1), told);
            }
            prop_assert!(stamp(&others).unwrap() <= times.latest(&voters));
        }
    }
}
