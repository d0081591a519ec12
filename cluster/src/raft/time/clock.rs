//! The clock of the log: time enters only through entries, and no single clock decides it.
//!
//! The leader stamps min(its clock, median of the voters' clocks + 1 s). The voters' clocks arrive
//! in the replies to heartbeats. A leader whose clock differs from the median by two seconds
//! transfers the leadership.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// How far the leader's stamp may be ahead of the voters' median.
pub const MEDIAN_LEAD: Duration = Duration::from_secs(1);
/// A leader whose clock differs this much from the median, either way, transfers the leadership.
pub const TRANSFER_SKEW: Duration = Duration::from_secs(2);
/// Samples of a clock that are older than this are ignored.
const SAMPLE_MAX_AGE: Duration = Duration::from_secs(5);
/// A third clock is needed to tell which one is off.
pub const CLOCKS_TO_JUDGE: usize = 3;

/// Result of comparing the voters' clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTime {
    /// The time that the leader may stamp.
    pub stamp: Millis,
    /// The leader should transfer the leadership: its clock is too far off.
    pub should_transfer: bool,
}

/// The stamp, from the leader's clock, the known clocks of the other voters, and the number of
/// voters. `None` while fewer than a majority of clocks are known: a single clock, even the
/// leader's, must not date an entry. Of an even number of clocks the lower middle one is the
/// median, so that of two clocks the fast one does not win.
pub fn log_time(local: Millis, others: &[Millis], voters: usize) -> Option<LogTime> {
    let mut clocks: Vec<Millis> = others.iter().copied().chain([local]).collect();
    if clocks.len() < voters / 2 + 1 {
        return None;
    }
    clocks.sort_unstable();
    let median = clocks[(clocks.len() - 1) / 2];
    Some(LogTime {
        stamp: local.min(median.plus(MEDIAN_LEAD)),
        should_transfer: clocks.len() >= CLOCKS_TO_JUDGE && local.abs_diff(median) >= TRANSFER_SKEW,
    })
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    clock: Millis,
    at: Instant,
}

/// The latest samples of the other nodes' clocks.
#[derive(Debug)]
pub(crate) struct Clocks {
    samples: Mutex<BTreeMap<NodeId, Sample>>,
    changed: watch::Sender<()>,
}

impl Clocks {
    pub fn new() -> Self {
        Self {
            samples: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Records that a node's clock was `clock` when its reply arrived `at`.
    pub fn record(&self, node: NodeId, clock: Millis, at: Instant) {
        self.samples.lock().insert(node, Sample { clock, at });
        self.changed.send_replace(());
    }

    /// Changes with each new sample.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The log time now, at node `me`.
    pub fn log_time(
        &self,
        me: NodeId,
        local: Millis,
        voters: &BTreeSet<NodeId>,
    ) -> Option<LogTime> {
        let others: Vec<Millis> = self.others(me, voters).into_values().collect();
        log_time(local, &others, voters.len())
    }

    /// The other voters' clocks, extrapolated to now.
    pub fn others(&self, me: NodeId, voters: &BTreeSet<NodeId>) -> BTreeMap<NodeId, Millis> {
        let now = Instant::now();
        let samples = self.samples.lock();
        samples
            .iter()
            .filter(|(node, _)| **node != me && voters.contains(node))
            .filter_map(|(node, sample)| {
                let age = now.saturating_duration_since(sample.at);
                (age <= SAMPLE_MAX_AGE).then(|| (*node, sample.clock.plus(age)))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// With all clocks in plain milliseconds.
    fn log_time(local: u64, others: &[u64], voters: usize) -> Option<LogTime> {
        let others: Vec<Millis> = others.iter().copied().map(Millis).collect();
        super::log_time(Millis(local), &others, voters)
    }

    fn stamp(millis: u64) -> Option<LogTime> {
        Some(LogTime {
            stamp: Millis(millis),
            should_transfer: false,
        })
    }

    #[test]
    fn a_leader_close_to_the_median_stamps_its_own_clock() {
        assert_eq!(log_time(10_000, &[9_990, 10_020], 3), stamp(10_000));
        assert_eq!(log_time(10_000, &[], 1), stamp(10_000));
    }

    #[test]
    fn without_a_majority_of_clocks_there_is_no_time() {
        assert_eq!(log_time(10_000, &[], 2), None);
        assert_eq!(log_time(10_000, &[], 3), None);
        assert_eq!(log_time(10_000, &[10_000], 5), None);
        assert_eq!(log_time(10_000, &[10_000, 10_000], 5), stamp(10_000));
    }

    #[test]
    fn a_fast_leader_stamps_a_second_ahead_at_most_and_transfers_leadership_at_two() {
        assert_eq!(log_time(11_500, &[10_000, 10_000], 3), stamp(11_000));
        assert_eq!(
            log_time(12_000, &[10_000, 10_000], 3),
            Some(LogTime {
                stamp: Millis(11_000),
                should_transfer: true
            })
        );
    }

    #[test]
    fn a_slow_leader_stamps_its_own_clock_and_transfers_leadership_at_two_seconds() {
        assert_eq!(log_time(8_001, &[10_000, 10_000], 3), stamp(8_001));
        assert!(
            log_time(8_000, &[10_000, 10_000], 3)
                .unwrap()
                .should_transfer
        );
    }

    #[test]
    fn with_two_clocks_leadership_is_kept_and_the_fast_one_does_not_win() {
        assert_eq!(log_time(90_000, &[10_000], 3), stamp(11_000));
        assert_eq!(log_time(10_000, &[90_000], 3), stamp(10_000));
    }

    proptest! {
        #[test]
        fn attack_a_minority_of_wrong_clocks_moves_the_time_by_a_second_at_most(
            truth in 1_000_000u64..2_000_000,
            wrong in prop::collection::vec(any::<u64>(), 0..=2),
            leader_is_wrong in any::<bool>(),
        ) {
            let mut clocks = wrong;
            clocks.resize(5, truth);
            let local = if leader_is_wrong { clocks.remove(0) } else { clocks.pop().unwrap() };
            let time = log_time(local, &clocks, 5).unwrap();
            prop_assert!(time.stamp <= Millis(truth).plus(MEDIAN_LEAD));
            prop_assert!(time.stamp <= Millis(local));
            if local == truth {
                prop_assert_eq!(time, LogTime { stamp: Millis(truth), should_transfer: false });
            }
            let skew = Millis(local).abs_diff(Millis(truth));
            prop_assert_eq!(time.should_transfer, skew >= TRANSFER_SKEW);
        }
    }
}
