//! Leadership transfer while the leader is low on disk space.
//!
//! Which voters have room is not known here, and is found without a new message: the leader appends
//! one entry without content, and a voter that is low refuses it. A majority that has appended it
//! has room, and one of them takes over. The entry stays in the log, so there is one in a term for
//! as long as the disk is low, however long that is.

use std::time::Duration;

use cameo_common::ids::NodeId;
use openraft::async_runtime::WatchReceiver;
use tokio::time::timeout;

use super::consensus::Consensus;
use super::node_state::NodeState;
use super::successors::Successors;

/// Time for a majority to append the entry, before the first look at who has.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Time for another leader, once one is asked to take over.
const TRANSFER_PAUSE: Duration = Duration::from_secs(5);

/// What the leader sees of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    term: u64,
    /// Index of the last entry of its log; 0 when there is none.
    last_log: u64,
    /// Each other voter, with the index up to which its log is known to match the leader's.
    others: Vec<(NodeId, u64)>,
}

/// What the leader does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Appends an entry without content.
    Append,
    Wait,
    Transfer(NodeId),
}

/// The entry by which voters with room are found.
#[derive(Debug, Default)]
struct Probe {
    /// Term and least index of the entry.
    appended: Option<(u64, u64)>,
}

impl Probe {
    /// The entry has this index for certain.
    fn is_at(&mut self, found: u64) {
        if let Some((_, index)) = &mut self.appended {
            *index = found.max(*index);
        }
    }

    fn next(&mut self, seen: &Seen) -> Step {
        if seen.others.is_empty() {
            return Step::Wait;
        }
        let index = match self.appended {
            Some((term, index)) if term == seen.term => index,
            _ => {
                // Whatever gets this index was appended while the disk was low.
                self.appended = Some((seen.term, seen.last_log + 1));
                return Step::Append;
            }
        };
        let with_room = seen
            .others
            .iter()
            .filter(|(_, matching)| *matching >= index);
        // The leader has it too.
        let is_majority = 2 * (with_room.clone().count() + 1) > seen.others.len() + 1;
        let furthest = with_room.max_by_key(|(_, matching)| *matching);
        match furthest.filter(|_| is_majority) {
            Some((successor, _)) => Step::Transfer(*successor),
            None => Step::Wait,
        }
    }
}

/// Transfers leadership while this node's disk is low, to a voter whose disk is not. Without one
/// this node goes on to lead, so that reads go on. Never returns.
pub(crate) async fn transfer_while_disk_is_low(
    node: &NodeState,
    consensus: &dyn Consensus,
    successors: &dyn Successors,
) {
    let mut probe = Probe::default();
    loop {
        node.space.runs_low().await;
        let mut leadership = node.leadership.clone();
        // The sender lives as long as consensus.
        if leadership.wait_for(|now| now.here).await.is_err() {
            return;
        }
        if !node.space.is_low() {
            probe = Probe::default();
            continue;
        }
        let mut pause = LOOK_PAUSE;
        match seen(node.id, consensus).map(|seen| probe.next(&seen)) {
            Some(Step::Append) => {
                // It may not be applied here for long: what counts is in how many logs it is.
                if let Ok(Some(index)) = timeout(PROBE_TIMEOUT, consensus.write_blank()).await {
                    probe.is_at(index);
                }
                continue;
            }
            Some(Step::Transfer(successor)) if successors.is_reached(successor).await => {
                tracing::warn!(
                    successor = successor.0,
                    "this node is low on disk space; transferring the leadership"
                );
                successors.transfer_to(successor).await;
                pause = TRANSFER_PAUSE;
            }
            Some(Step::Transfer(_) | Step::Wait) | None => {}
        }
        if timeout(pause, node.space.has_room()).await.is_ok() {
            // A voter that had room then may have none the next time.
            probe = Probe::default();
        }
    }
}

/// None when this node does not lead, as consensus knows.
fn seen(id: NodeId, consensus: &dyn Consensus) -> Option<Seen> {
    let voters = consensus.voters();
    let metrics = consensus.metrics();
    let metrics = metrics.borrow_watched();
    let replication = metrics.replication.as_ref()?;
    let others = voters.iter().filter(|voter| **voter != id);
    let matching = |voter: &NodeId| {
        let matching = replication.get(voter).and_then(Option::as_ref);
        matching.map_or(0, |id| id.index())
    };
    Some(Seen {
        term: metrics.current_term,
        last_log: metrics.last_log_index.unwrap_or(0),
        others: others.map(|voter| (*voter, matching(voter))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(term: u64, last_log: u64, others: [(u64, u64); 2]) -> Seen {
        let others = others.map(|(id, matching)| (NodeId(id), matching));
        Seen {
            term,
            last_log,
            others: others.to_vec(),
        }
    }

    #[test]
    fn given_a_majority_that_is_low_for_long_then_one_entry_is_appended_in_a_term() {
        let mut probe = Probe::default();
        assert_eq!(probe.next(&seen(3, 7, [(2, 7), (3, 7)])), Step::Append);
        for _ in 0..1_000 {
            assert_eq!(probe.next(&seen(3, 8, [(2, 7), (3, 7)])), Step::Wait);
        }
        // Elected again, it knows nothing of the others.
        assert_eq!(probe.next(&seen(5, 9, [(2, 9), (3, 7)])), Step::Append);
        assert_eq!(probe.next(&seen(5, 10, [(2, 9), (3, 7)])), Step::Wait);
    }

    #[test]
    fn given_a_majority_with_the_entry_then_the_furthest_takes_over() {
        let mut probe = Probe::default();
        assert_eq!(probe.next(&seen(3, 7, [(2, 7), (3, 7)])), Step::Append);
        let has_room = Step::Transfer(NodeId(3));
        assert_eq!(probe.next(&seen(3, 8, [(2, 7), (3, 8)])), has_room);
        assert_eq!(probe.next(&seen(3, 9, [(2, 8), (3, 9)])), has_room);
        // What was on its way when the disk became low does not count.
        probe.is_at(9);
        assert_eq!(probe.next(&seen(3, 9, [(2, 8), (3, 8)])), Step::Wait);
    }

    #[test]
    fn given_five_voters_when_one_other_has_the_entry_then_that_is_no_majority() {
        let mut probe = Probe::default();
        let five = |last_log, matching: [u64; 4]| Seen {
            term: 1,
            last_log,
            others: (2..).map(NodeId).zip(matching).collect(),
        };
        assert_eq!(probe.next(&five(4, [4, 4, 4, 4])), Step::Append);
        assert_eq!(probe.next(&five(5, [5, 4, 4, 4])), Step::Wait);
        let two = probe.next(&five(5, [5, 4, 5, 4]));
        assert!(matches!(two, Step::Transfer(NodeId(2 | 4))), "{two:?}");
    }

    #[test]
    fn given_a_single_voter_then_nothing_is_appended() {
        let alone = Seen {
            term: 1,
            last_log: 4,
            others: Vec::new(),
        };
        assert_eq!(Probe::default().next(&alone), Step::Wait);
    }
}
