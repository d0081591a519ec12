//! How much is worked on at the same time, and who comes next.
//!
//! Each lane has its own limit, and each peer has one within it: what is slow keeps up only what is for the same
//! peer in the same lane, as long as not very many are slow. Among those who wait the one comes next who was served
//! longest ago, so that nobody waits for longer than for one turn of each of the others.

use std::collections::HashMap;
use std::future::Future;

use cameo_common::ids::UserName;
use tokio::task::{Id, JoinSet};

use crate::flows::outbox::Due;
use crate::flows::request::ASKED_AT_ONCE;
use crate::peer::serve::REQUESTS_PER_DEVICE;
use crate::vault::records::OutboxKey;

/// So many photos are placed as a whole and uploaded side by side, also for one viewer.
const SHARES: usize = 8;
/// Carriers that are sent at the same time.
const DELIVERIES: usize = 12;
/// Of these, those for one peer.
const DELIVERIES_PER_PEER: usize = 2;
/// Messages that are answered from memory: they are soon done, or their peer does not answer.
const MESSAGES: usize = 12;
/// Of these, those for one peer.
const MESSAGES_PER_PEER: usize = 1;
/// What the cluster alone is told.
const REPORTS: usize = 4;
/// Turns that are remembered, all lanes together; half of them go when there are more.
const TURNS: usize = 4_096;
/// All that may be under way to one peer is taken by his agent, and leaves room for a verb.
const _: () =
    assert!(DELIVERIES_PER_PEER + MESSAGES_PER_PEER + ASKED_AT_ONCE < REQUESTS_PER_DEVICE);

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
            OutboxKey::Receipt(_) | OutboxKey::Acknowledge(_) => Lane::Reports,
        }
    }

    /// Places in all, and those that one peer may take.
    fn width(self) -> (usize, usize) {
        match self {
            Lane::Shares => (SHARES, SHARES),
            Lane::Deliveries => (DELIVERIES, DELIVERIES_PER_PEER),
            Lane::Messages => (MESSAGES, MESSAGES_PER_PEER),
            Lane::Reports => (REPORTS, REPORTS),
        }
    }
}

/// What is being worked on, and whose turn it was when.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tasks: JoinSet<()>,
    running: HashMap<Id, Due>,
    /// When a peer was last served in a lane, or first waited there: so many things were begun before.
    turns: HashMap<(Lane, UserName), u64>,
    begun: u64,
}

impl Lanes {
    /// Puts first what is for whoever was served longest ago.
    pub(super) fn take_turns(&mut self, queue: &mut [Due]) {
        if self.turns.len() > TURNS {
            let mut all: Vec<u64> = self.turns.values().copied().collect();
            all.sort_unstable();
            let middle = all[all.len() / 2];
            self.turns.retain(|_, turn| *turn > middle);
        }
        queue.sort_by_cached_key(|thing| match &thing.peer {
            None => 0,
            Some(peer) => {
                let place = (Lane::of(thing.key), peer.clone());
                *self.turns.entry(place).or_insert(self.begun)
            }
        });
    }

    /// Begins work on a thing if there is room; true also when it is worked on already.
    pub(super) fn take<W>(&mut self, thing: &Due, work: impl FnOnce() -> W) -> bool
    where
        W: Future<Output = ()> + Send + 'static,
    {
        if self.running.values().any(|other| other.key == thing.key) {
            return true;
        }
        let lane = Lane::of(thing.key);
        let room = self.has_room(lane, thing.peer.as_ref());
        if room {
            let id = self.tasks.spawn(work()).id();
            self.running.insert(id, thing.clone());
            self.begun += 1;
            if let Some(peer) = &thing.peer {
                self.turns.insert((lane, peer.clone()), self.begun);
            }
        }
        room
    }

    fn has_room(&self, lane: Lane, peer: Option<&UserName>) -> bool {
        let (all, of_one) = lane.width();
        let beside = || {
            let running = self.running.values();
            running.filter(|other| Lane::of(other.key) == lane)
        };
        let same_peer = |other: &&Due| peer.is_some() && other.peer.as_ref() == peer;
        beside().count() < all && beside().filter(same_peer).count() < of_one
    }

    /// Waits until one thing is done with, well or not; for ever while nothing is worked on.
    pub(super) async fn one_ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                tracing::error!(%error, "work on the outbox broke down");
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

    fn thing(key: OutboxKey, peer: &str) -> Due {
        Due::for_peer(key, &peer.parse().unwrap())
    }

    fn delivery(number: u8, peer: &str) -> Due {
        thing(OutboxKey::Deliver(GrantId([number; 32])), peer)
    }

    /// How many of so many slow deliveries are begun, each to the peer that is named for it.
    fn begun(lanes: &mut Lanes, count: u8, peer: impl Fn(u8) -> String) -> usize {
        let taken = (0..count).filter(|at| lanes.take(&delivery(*at, &peer(*at)), pending));
        taken.count()
    }

    #[tokio::test]
    async fn slow_deliveries_to_one_peer_hold_up_nobody_else() {
        let mut lanes = Lanes::default();
        assert_eq!(begun(&mut lanes, 16, |_| "ben".into()), DELIVERIES_PER_PEER);
        assert!(lanes.take(&delivery(20, "cleo"), pending));
        let rights = OutboxKey::Rights(GrantId([1; 32]));
        assert!(lanes.take(&thing(rights, "ben"), pending));
    }

    #[tokio::test]
    async fn however_many_deliveries_are_slow_photos_are_made_and_messages_are_told() {
        let mut lanes = Lanes::default();
        assert_eq!(begun(&mut lanes, 40, |at| format!("p{at}")), DELIVERIES);
        let share = OutboxKey::Share(RequestId([1; 16]));
        assert!(lanes.take(&Due::for_cluster(share), pending));
        let no = OutboxKey::Denied(RequestId([2; 16]));
        assert!(lanes.take(&thing(no, "ben"), pending));
    }

    #[tokio::test]
    async fn what_has_ended_makes_room_and_nothing_is_begun_twice() {
        let mut lanes = Lanes::default();
        assert!(lanes.take(&delivery(0, "ben"), || ready(())));
        assert!(lanes.take(&delivery(1, "ben"), || async { panic!("planted") }));
        assert!(!lanes.take(&delivery(2, "ben"), pending));
        let again = || -> std::future::Ready<()> { unreachable!("it is worked on already") };
        assert!(lanes.take(&delivery(1, "ben"), again));
        lanes.one_ended().await;
        lanes.one_ended().await;
        assert_eq!(lanes.running.len(), 0);
        assert!(lanes.take(&delivery(2, "ben"), pending));
    }

    /// Of the queue what there is room for is begun, in turn; whom it was for.
    fn served(lanes: &mut Lanes, queue: &mut Vec<Due>) -> Vec<String> {
        lanes.take_turns(queue);
        let mut served = Vec::new();
        queue.retain(|thing| {
            let taken = lanes.take(thing, || ready(()));
            if taken {
                served.extend(thing.peer.as_ref().map(ToString::to_string));
            }
            !taken
        });
        served
    }

    #[tokio::test]
    async fn many_who_always_want_something_hold_up_nobody_for_longer_than_a_turn() {
        let mut lanes = Lanes::default();
        let mut number = 0u16;
        // They come first in the queue, and want as much again whenever something of theirs is done.
        let mut busy = || -> Vec<Due> {
            (0..40)
                .map(|at| {
                    number += 1;
                    let mut id = [0; 16];
                    id[..2].copy_from_slice(&number.to_le_bytes());
                    let no = OutboxKey::Denied(RequestId(id));
                    thing(no, &format!("p{}", at % 20))
                })
                .collect()
        };
        let mut queue = busy();
        assert_eq!(served(&mut lanes, &mut queue).len(), MESSAGES);
        let rights = thing(OutboxKey::Rights(GrantId([1; 32])), "ben");
        for _ in 0..40 {
            lanes.one_ended().await;
            queue = busy();
            queue.push(rights.clone());
            if served(&mut lanes, &mut queue).contains(&"ben".to_owned()) {
                return;
            }
        }
        panic!("ben waits for ever");
    }

    #[tokio::test]
    async fn what_the_cluster_is_told_waits_for_no_peer() {
        let mut lanes = Lanes::default();
        for number in 0..100 {
            let no = OutboxKey::Denied(RequestId([number; 16]));
            lanes.take(&thing(no, &format!("p{number}")), pending);
        }
        let receipt = OutboxKey::Receipt(GrantId([1; 32]));
        assert!(lanes.take(&Due::for_cluster(receipt), pending));
    }

    #[test]
    fn only_so_many_turns_are_remembered() {
        let mut lanes = Lanes::default();
        for number in 0..3 * TURNS {
            let no = OutboxKey::Denied(RequestId([1; 16]));
            lanes.begun += 1;
            lanes.take_turns(&mut [thing(no, &format!("p{number}"))]);
        }
        assert!(lanes.turns.len() <= TURNS + 1);
    }
}
