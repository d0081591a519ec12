//! How much is worked on at the same time. Each lane has its own limit, and each peer has one within it: what is
//! slow keeps up only what is for the same peer in the same lane, as long as not very many are slow.

use std::collections::HashMap;
use std::future::Future;

use cameo_common::ids::UserName;
use tokio::task::{Id, JoinSet};

use super::Due;
use crate::peer::serve::REQUESTS_PER_DEVICE;
use crate::vault::records::OutboxKey;

/// So many photos are placed as a whole and uploaded side by side.
const SHARES: usize = 8;
/// Carriers that are sent at the same time. Each is in memory meanwhile.
const DELIVERIES: usize = 12;
/// Messages that are answered from memory: they are soon done, or their peer does not answer.
const MESSAGES: usize = 12;
/// Of these, those for one peer.
const PER_PEER: usize = 3;
const _: () = assert!(2 * PER_PEER < REQUESTS_PER_DEVICE);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Shares,
    Deliveries,
    Messages,
}

impl Lane {
    fn of(key: OutboxKey) -> Self {
        match key {
            OutboxKey::Share(_) => Lane::Shares,
            OutboxKey::Deliver(_) => Lane::Deliveries,
            OutboxKey::Receipt(_)
            | OutboxKey::Rights(_)
            | OutboxKey::Denied(_)
            | OutboxKey::Acknowledge(_)
            | OutboxKey::Ask(_) => Lane::Messages,
        }
    }

    fn width(self) -> usize {
        match self {
            Lane::Shares => SHARES,
            Lane::Deliveries => DELIVERIES,
            Lane::Messages => MESSAGES,
        }
    }
}

/// What is being worked on.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tasks: JoinSet<()>,
    running: HashMap<Id, Due>,
}

impl Lanes {
    /// Begins work on a thing if there is room; true also when it is worked on already.
    pub(super) fn take<W>(&mut self, thing: &Due, work: impl FnOnce() -> W) -> bool
    where
        W: Future<Output = ()> + Send + 'static,
    {
        if self.running.values().any(|other| other.key == thing.key) {
            return true;
        }
        let room = self.has_room(Lane::of(thing.key), thing.peer.as_ref());
        if room {
            let id = self.tasks.spawn(work()).id();
            self.running.insert(id, thing.clone());
        }
        room
    }

    fn has_room(&self, lane: Lane, peer: Option<&UserName>) -> bool {
        let beside = || {
            let running = self.running.values();
            running.filter(|other| Lane::of(other.key) == lane)
        };
        let same_peer = |other: &&Due| peer.is_some() && other.peer.as_ref() == peer;
        beside().count() < lane.width() && beside().filter(same_peer).count() < PER_PEER
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
        assert_eq!(begun(&mut lanes, 16, |_| "ben".into()), PER_PEER);
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
        assert!(lanes.take(&delivery(2, "ben"), pending));
        assert!(!lanes.take(&delivery(3, "ben"), pending));
        let again = || -> std::future::Ready<()> { unreachable!("it is worked on already") };
        assert!(lanes.take(&delivery(2, "ben"), again));
        lanes.one_ended().await;
        lanes.one_ended().await;
        assert_eq!(lanes.running.len(), 1);
        assert!(lanes.take(&delivery(3, "ben"), pending));
    }
}
