//! Concurrency limits and fair scheduling of the outbox.
//!
//! Each lane has a limit in total and one per peer, so that a slow peer delays only its own items
//! of the same lane, unless very many peers are slow. Among waiting peers the one that was served
//! longest ago comes next (least recently served), so that a peer waits for at most one item of
//! each other peer.

use std::collections::HashMap;
use std::future::Future;

use cameo_common::ids::UserName;
use tokio::task::{Id, JoinSet};

use crate::flows::outbox::Due;
use crate::flows::request::CONCURRENT_OUTGOING;
use crate::peer::serve::REQUESTS_PER_DEVICE;
use crate::vault::records::OutboxKey;

/// Photos that are placed together and uploaded concurrently, also for one viewer.
const SHARES: usize = 8;
/// Carriers that are sent concurrently.
const DELIVERIES: usize = 12;
/// The limit for one peer.
const DELIVERIES_PER_PEER: usize = 2;
/// Messages that are answered from memory: they end soon, or the peer does not answer.
const MESSAGES: usize = 12;
/// The limit for one peer.
const MESSAGES_PER_PEER: usize = 1;
/// Reports to the cluster alone.
const REPORTS: usize = 4;
/// Bound on the remembered turns of all lanes; the older half is dropped when there are more.
const MAX_TURNS: usize = 4_096;
/// A peer's agent accepts all concurrent items of the outbox, and one more request of a command.
const _: () =
    assert!(DELIVERIES_PER_PEER + MESSAGES_PER_PEER + CONCURRENT_OUTGOING < REQUESTS_PER_DEVICE);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    Shares,
    Deliveries,
    Messages,
    Reports,
}

impl Lane {
    fn of(key: OutboxKey) -> Self {
        match key {
            OutboxKey::Share(_) => Lane::Shares,
            OutboxKey::Deliver(_) => Lane::Deliveries,
            OutboxKey::Rights(_) | OutboxKey::Denied(_) | OutboxKey::Ask(_) => Lane::Messages,
            OutboxKey::Receipt(_) | OutboxKey::Acknowledge(_) | OutboxKey::Confirm(_) => {
                Lane::Reports
            }
        }
    }

    /// The limit in total, and the one per peer.
    fn limits(self) -> (usize, usize) {
        match self {
            Lane::Shares => (SHARES, SHARES),
            Lane::Deliveries => (DELIVERIES, DELIVERIES_PER_PEER),
            Lane::Messages => (MESSAGES, MESSAGES_PER_PEER),
            Lane::Reports => (REPORTS, REPORTS),
        }
    }
}

/// The items in progress, and the order in which peers were served.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tasks: JoinSet<()>,
    running: HashMap<Id, Due>,
    /// When a peer was last served in a lane, or first waited there, as a value of `started`.
    turns: HashMap<(Lane, UserName), u64>,
    /// Items started so far.
    started: u64,
}

impl Lanes {
    /// Sorts the queue by the time that each item's peer was last served.
    pub(super) fn sort_by_turn(&mut self, queue: &mut [Due]) {
        if self.turns.len() > MAX_TURNS {
            let mut all: Vec<u64> = self.turns.values().copied().collect();
            all.sort_unstable();
            let middle = all[all.len() / 2];
            self.turns.retain(|_, turn| *turn > middle);
        }
        queue.sort_by_cached_key(|item| match &item.peer {
            None => 0,
            Some(peer) => {
                let place = (Lane::of(item.key), peer.clone());
                *self.turns.entry(place).or_insert(self.started)
            }
        });
    }

    /// Starts an item if the limits permit. True also when it is in progress already.
    pub(super) fn start<W>(&mut self, item: &Due, work: impl FnOnce() -> W) -> bool
    where
        W: Future<Output = ()> + Send + 'static,
    {
        if self.running.values().any(|other| other.key == item.key) {
            return true;
        }
        let lane = Lane::of(item.key);
        let room = self.has_room(lane, item.peer.as_ref());
        if room {
            let id = self.tasks.spawn(work()).id();
            self.running.insert(id, item.clone());
            self.started += 1;
            if let Some(peer) = &item.peer {
                self.turns.insert((lane, peer.clone()), self.started);
            }
        }
        room
    }

    fn has_room(&self, lane: Lane, peer: Option<&UserName>) -> bool {
        let (all, of_one) = lane.limits();
        let in_lane = || {
            let running = self.running.values();
            running.filter(|other| Lane::of(other.key) == lane)
        };
        let same_peer = |other: &&Due| peer.is_some() && other.peer.as_ref() == peer;
        in_lane().count() < all && in_lane().filter(same_peer).count() < of_one
    }

    /// Waits until one item has ended. Never returns while none is in progress.
    pub(super) async fn finish_next(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                tracing::error!(%error, "the task of an outbox item failed");
                error.id()
            }
            None => return std::future::pending().await,
        };
        self.running.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::{pending, ready};

    use cameo_common::ids::{GrantId, RequestId};

    use super::*;

    fn item(key: OutboxKey, peer: &str) -> Due {
        Due::for_peer(key, &peer.parse().unwrap())
    }

    fn delivery(number: u8, peer: &str) -> Due {
        item(OutboxKey::Deliver(GrantId([number; 32])), peer)
    }

    /// How many of `count` slow deliveries are started; `peer` names the peer of each.
    fn started(lanes: &mut Lanes, count: u8, peer: impl Fn(u8) -> String) -> usize {
        let taken = (0..count).filter(|at| lanes.start(&delivery(*at, &peer(*at)), pending));
        taken.count()
    }

    #[tokio::test]
    async fn slow_deliveries_to_one_peer_delay_no_other_peer() {
        let mut lanes = Lanes::default();
        assert_eq!(
            started(&mut lanes, 16, |_| "ben".into()),
            DELIVERIES_PER_PEER
        );
        assert!(lanes.start(&delivery(20, "cleo"), pending));
        let rights = OutboxKey::Rights(GrantId([1; 32]));
        assert!(lanes.start(&item(rights, "ben"), pending));
    }

    #[tokio::test]
    async fn slow_deliveries_delay_no_other_lane() {
        let mut lanes = Lanes::default();
        assert_eq!(started(&mut lanes, 40, |at| format!("p{at}")), DELIVERIES);
        let share = OutboxKey::Share(RequestId([1; 16]));
        assert!(lanes.start(&Due::for_cluster(share), pending));
        let no = OutboxKey::Denied(RequestId([2; 16]));
        assert!(lanes.start(&item(no, "ben"), pending));
    }

    #[tokio::test]
    async fn an_ended_item_frees_its_slot_and_no_item_is_started_twice() {
        let mut lanes = Lanes::default();
        assert!(lanes.start(&delivery(0, "ben"), || ready(())));
        assert!(lanes.start(&delivery(1, "ben"), || async { panic!("planted") }));
        assert!(!lanes.start(&delivery(2, "ben"), pending));
        let again = || -> std::future::Ready<()> { unreachable!("it is in progress already") };
        assert!(lanes.start(&delivery(1, "ben"), again));
        lanes.finish_next().await;
        lanes.finish_next().await;
        assert_eq!(lanes.running.len(), 0);
        assert!(lanes.start(&delivery(2, "ben"), pending));
    }

    /// Starts the items of the queue that the limits permit, and returns their peers.
    fn served(lanes: &mut Lanes, queue: &mut Vec<Due>) -> Vec<String> {
        lanes.sort_by_turn(queue);
        let mut served = Vec::new();
        queue.retain(|item| {
            let taken = lanes.start(item, || ready(()));
            if taken {
                served.extend(item.peer.as_ref().map(ToString::to_string));
            }
            !taken
        });
        served
    }

    #[tokio::test]
    async fn peers_with_many_items_delay_another_one_for_one_turn_at_most() {
        let mut lanes = Lanes::default();
        let mut number = 0u16;
        // They are first in the queue, and have new items whenever one of theirs has ended.
        let mut busy = || -> Vec<Due> {
            (0..40)
                .map(|at| {
                    number += 1;
                    let mut id = [0; 16];
                    id[..2].copy_from_slice(&number.to_le_bytes());
                    let no = OutboxKey::Denied(RequestId(id));
                    item(no, &format!("p{}", at % 20))
                })
                .collect()
        };
        let mut queue = busy();
        assert_eq!(served(&mut lanes, &mut queue).len(), MESSAGES);
        let rights = item(OutboxKey::Rights(GrantId([1; 32])), "ben");
        for _ in 0..40 {
            lanes.finish_next().await;
            queue = busy();
            queue.push(rights.clone());
            if served(&mut lanes, &mut queue).contains(&"ben".to_owned()) {
                return;
            }
        }
        panic!("ben was never served");
    }

    #[tokio::test]
    async fn reports_to_the_cluster_wait_for_no_peer() {
        let mut lanes = Lanes::default();
        for number in 0..100 {
            let no = OutboxKey::Denied(RequestId([number; 16]));
            lanes.start(&item(no, &format!("p{number}")), pending);
        }
        let receipt = OutboxKey::Receipt(GrantId([1; 32]));
        assert!(lanes.start(&Due::for_cluster(receipt), pending));
    }

    #[test]
    fn the_number_of_remembered_turns_is_bounded() {
        let mut lanes = Lanes::default();
        for number in 0..3 * MAX_TURNS {
            let no = OutboxKey::Denied(RequestId([1; 16]));
            lanes.started += 1;
            lanes.sort_by_turn(&mut [item(no, &format!("p{number}"))]);
        }
        assert!(lanes.turns.len() <= MAX_TURNS + 1);
    }
}
