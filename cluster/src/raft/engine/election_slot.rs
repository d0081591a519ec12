//! The election timeouts of one voter: its part of the range that the voters share.
//!
//! Two candidates of one term reject each other, and all wait for another timeout. Voters whose
//! timeouts lie apart are no candidates at once: the first of them to notice a dead leader has the
//! votes before the next one's time is up.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::ids::{NodeId, whole_millis};

use super::config::Timing;

impl Timing {
    /// The timing of the node with this id among the voters, in order of their ids. A node that is
    /// none of them has the last part.
    #[must_use]
    pub(crate) fn among(self, voters: &BTreeSet<NodeId>, id: NodeId) -> Self {
        // openraft draws a timeout in whole milliseconds, the end not included.
        let (first, end) = (
            whole_millis(self.election_min),
            whole_millis(self.election_max),
        );
        let parts = voters.len().max(1) as u64;
        let before = voters.iter().take_while(|voter| **voter < id);
        let rank = (before.count() as u64).min(parts - 1);
        let part = (end.saturating_sub(first) / parts).max(1);
        let begins = (first + part * rank).min(end.saturating_sub(1));
        Self {
            election_min: Duration::from_millis(begins),
            election_max: Duration::from_millis(begins + part),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    /// Earliest and latest time from the last sign of a leader to a candidacy: a lease, which is as
    /// long as the longest timeout, and a timeout.
    fn candidacy(timing: Timing) -> (Duration, Duration) {
        let lease = timing.election_max;
        (lease + timing.election_min, lease + timing.election_max)
    }

    #[test]
    fn no_two_voters_become_candidates_at_the_same_time() {
        for ids in [&[1, 2, 3][..], &[1, 2, 3, 4, 5], &[4, 9, 200]] {
            let voters = voters(ids);
            let all = Timing::default();
            let timings = voters.iter().map(|id| all.among(&voters, *id));
            let times: Vec<_> = timings.map(candidacy).collect();
            for (earlier, later) in times.iter().zip(&times[1..]) {
                // Apart by more than the votes take.
                assert!(earlier.1 + Duration::from_millis(10) < later.0, "{times:?}");
            }
            assert!(
                times
                    .iter()
                    .all(|(_, latest)| *latest <= 2 * all.election_max)
            );
        }
    }

    #[test]
    fn a_timing_too_short_to_be_divided_and_a_node_that_is_no_voter_have_a_valid_part() {
        let short = Timing {
            election_min: Duration::from_millis(100),
            election_max: Duration::from_millis(101),
            ..Timing::default()
        };
        let voters = voters(&[1, 2, 3]);
        for id in [1, 2, 3, 7] {
            for all in [short, Timing::default()] {
                let part = all.among(&voters, NodeId(id));
                assert!(part.election_min >= all.election_min, "{part:?}");
                assert!(part.election_min < part.election_max, "{part:?}");
                assert!(part.election_max <= all.election_max, "{part:?}");
            }
        }
        let alone = Timing::default().among(&BTreeSet::new(), NodeId(1));
        assert_eq!(alone, Timing::default(), "of one, the whole");
    }
}
