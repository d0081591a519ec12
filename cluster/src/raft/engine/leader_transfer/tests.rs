//! Which voters a stopping leader asks to take over.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::*;

const LEADS: Leadership = Leadership {
    leader: Some(NodeId(1)),
    term: 4,
    here: true,
};

/// Voters 2, 3 and so on, the longest log first.
struct Voters {
    /// How often each of them is not reached before it is.
    unreached: Mutex<BTreeMap<NodeId, u32>>,
    /// Those that take over when they are asked.
    able: Vec<NodeId>,
    asked: Mutex<Vec<NodeId>>,
    leadership: watch::Sender<Leadership>,
}

impl Voters {
    fn new(unreached: &[(u64, u32)], able: &[u64]) -> Self {
        let unreached = unreached.iter();
        Self {
            unreached: Mutex::new(unreached.map(|(id, times)| (NodeId(*id), *times)).collect()),
            able: able.iter().copied().map(NodeId).collect(),
            asked: Mutex::default(),
            leadership: watch::Sender::new(LEADS),
        }
    }

    /// Those that were asked, and who leads in the end.
    async fn stop(&self) -> (Vec<u64>, Option<u64>) {
        transfer_before_stop(self.leadership.subscribe(), self).await;
        let asked = self.asked.lock().iter().map(|voter| voter.0).collect();
        (
            asked,
            self.leadership.borrow().leader.map(|leader| leader.0),
        )
    }
}

impl Successors for Voters {
    fn longest_log_first(&self) -> Vec<NodeId> {
        self.unreached.lock().keys().copied().collect()
    }

    fn is_reached(&self, voter: NodeId) -> BoxFuture<'_, bool> {
        let mut unreached = self.unreached.lock();
        let left = unreached.entry(voter).or_default();
        let is_reached = *left == 0;
        *left = left.saturating_sub(1);
        Box::pin(async move { is_reached })
    }

    fn transfer_to(&self, voter: NodeId) -> BoxFuture<'_, ()> {
        self.asked.lock().push(voter);
        Box::pin(async move {
            if self.able.contains(&voter) {
                self.leadership.send_replace(Leadership {
                    leader: Some(voter),
                    term: LEADS.term + 1,
                    here: false,
                });
            }
        })
    }
}

#[tokio::test]
async fn given_a_successor_that_cannot_be_reached_then_it_is_passed_over() {
    let voters = Voters::new(&[(2, u32::MAX), (3, 0)], &[2, 3]);
    assert_eq!(voters.stop().await, (vec![3], Some(3)));
}

#[tokio::test]
async fn given_a_successor_that_does_not_take_over_then_the_next_one_is_asked() {
    let voters = Voters::new(&[(2, 0), (3, 0)], &[3]);
    assert_eq!(voters.stop().await, (vec![2, 3], Some(3)));
}

#[tokio::test]
async fn given_no_successor_that_can_be_reached_then_they_are_tried_again() {
    let voters = Voters::new(&[(2, u32::MAX), (3, 2)], &[2, 3]);
    assert_eq!(voters.stop().await, (vec![3], Some(3)));
}

#[tokio::test]
async fn given_that_nobody_takes_over_then_the_leader_stops_in_the_end() {
    let voters = Voters::new(&[(2, u32::MAX)], &[]);
    assert_eq!(voters.stop().await, (vec![], Some(1)));
}

#[tokio::test]
async fn given_another_leader_or_no_other_voter_then_nobody_is_asked() {
    let voters = Voters::new(&[(2, 0)], &[2]);
    voters.leadership.send_modify(|now| now.here = false);
    assert_eq!(voters.stop().await.0, Vec::<u64>::new());
    assert_eq!(Voters::new(&[], &[]).stop().await, (vec![], Some(1)));
}
