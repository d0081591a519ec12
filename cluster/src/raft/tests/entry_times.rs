//! The times of entries among nodes whose clocks and words are wrong.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use cameo_common::signed::Signed;
use openraft::entry::EntryPayload;
use openraft::raft::AppendEntriesRequest;
use openraft::type_config::alias::VoteOf;
use openraft::vote::RaftLeaderId as _;
use tokio::time::Instant;

use super::app::{REFUSED, TimeFirst};
use super::attacks::{all_denied, term, unharmed};
use super::outsiders::outsider;
use super::world::{World, soon, until};
use crate::consensus_types::aliases::Entry;
use crate::consensus_types::{EntryBytes, TypeConfig};
use crate::host::clock::{SystemClock, WallClock as _};
use crate::link::Links;
use crate::raft::rpc::wire::{NodeRequest, ProgressTold, encode};
use crate::raft::time::entry_time::MAX_AHEAD;
use crate::raft::time::voter_times::VoterTimes;
use crate::raft::{ProposeError, Stamp as _};

const HOUR: Duration = Duration::from_hours(1);
const HOUR_MS: i64 = 3_600_000;

/// What is later than the right clocks allow.
fn bound() -> Millis {
    SystemClock.unix_millis().plus(MAX_AHEAD)
}

impl World {
    fn set_clock(&self, node: NodeId, ahead_ms: i64) {
        let clock = &self.hosts[&node].clock;
        clock.0.store(ahead_ms, Ordering::Relaxed);
    }

    fn set_clocks(&self, ahead_ms: i64) {
        for node in self.hosts.keys() {
            self.set_clock(*node, ahead_ms);
        }
    }

    fn applied_time(&self, node: NodeId) -> Millis {
        (self.hosts[&node].applied_time())()
    }

    /// Stops a follower; the leader since, and that one.
    async fn without_a_follower(&mut self) -> (NodeId, NodeId) {
        let leader = self.leader().await;
        let absent = self.a_follower(leader);
        self.kill(absent).await;
        (self.leader().await, absent)
    }

    /// Proposes until an entry is committed: its first leader may be deposed.
    async fn settle(&self, at: NodeId, command: &str) {
        let end = soon();
        loop {
            match self.nodes[&at].propose(command.into(), soon()).await {
                Ok(_) => return,
                Err(ProposeError::Unknown) => assert!(Instant::now() < end, "never committed"),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Proposes under clocks that are ahead, until the state of the leader is too.
    async fn date_ahead(&self) {
        let end = soon();
        for n in 0.. {
            let leader = self.leader().await;
            self.settle(leader, &format!("fast {n}")).await;
            self.nodes[&leader].barrier(soon()).await.unwrap();
            if self.applied_time(leader) > bound() {
                return;
            }
            assert!(Instant::now() < end, "never dated ahead");
        }
    }
}

/// A leader of another program, in the place of one that was killed.
struct Liar {
    links: Links,
    leading: VoteOf<TypeConfig>,
}

impl Liar {
    async fn instead_of_the_leader(world: &mut World) -> Self {
        let liar = world.leader().await;
        let mut leading = VoteOf::<TypeConfig>::new(term(world) + 100, liar);
        leading.committed = true;
        let host = &world.hosts[&liar];
        let (keys, secret) = (host.keys.clone(), host.secret.clone());
        let cluster = world.nodes[&liar].cluster();
        world.kill(liar).await;
        world.peers.remove(&liar);
        let links = outsider(liar, keys, &secret, cluster);
        Self { links, leading }
    }

    fn append(&self, entries: Vec<Entry>) -> NodeRequest {
        NodeRequest::Append(AppendEntriesRequest {
            vote: self.leading,
            prev_log_id: None,
            entries,
            leader_commit: None,
        })
    }

    fn dated(&self, ahead: Duration) -> NodeRequest {
        let time = SystemClock.unix_millis().plus(ahead);
        let entry = EntryBytes(TimeFirst.stamp(b"forged".to_vec(), time, 0));
        self.append(vec![Entry {
            log_id: openraft::LogId::new(self.leading.leader_id.to_committed(), 1_000),
            payload: EntryPayload::Normal(entry),
        }])
    }

    /// Tells all voters that it is later, and that this was applied.
    async fn tell(&self, world: &World, ahead: Duration) {
        let time = SystemClock.unix_millis().plus(ahead);
        let told = NodeRequest::Progress(ProgressTold {
            mine: Signed::from_bytes(vec![3, 4]),
            of_you: None,
            times: VoterTimes {
                clock: time,
                applied: time,
            },
            descriptor: 0,
        });
        for node in world.peers.keys() {
            let link = super::attacks::link(world, &self.links, *node);
            link.call(&encode(&told), soon()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_lying_leader_moves_the_time_by_minutes_at_most() {
    let mut world = World::formed(3).await;
    let before = term(&world);
    let liar = Liar::instead_of_the_leader(&mut world).await;
    // given that it says of the time what it needs
    for ahead in [HOUR, 20 * HOUR] {
        liar.tell(&world, ahead).await;
        // when it dates an entry so
        let forged = [liar.dated(ahead)];
        // then no other voter takes it
        all_denied(&world, &liar.links, &forged, "too far ahead").await;
    }
    unharmed(&world, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_leader_that_dates_entries_ahead_is_not_followed() {
    let mut world = World::formed(3).await;
    let before = term(&world);
    let liar = Liar::instead_of_the_leader(&mut world).await;
    let requests = [liar.dated(HOUR), liar.append(Vec::new())];
    all_denied(&world, &liar.links, &requests, "ahead").await;
    unharmed(&world, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_whose_clock_is_slow_takes_the_log_by_the_others_clocks() {
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let slow = world.a_follower(leader);
    world.set_clock(slow, -2 * HOUR_MS);
    world.settle(leader, "by right clocks").await;
    assert!(world.holds(slow, "by right clocks").await);
    // and goes on when one of those that have told it is gone
    let other = world.peers.keys().find(|id| ![leader, slow].contains(id));
    let other = *other.unwrap();
    world.kill(other).await;
    world.settle(slow, "by two").await;
    assert!(world.holds(slow, "by two").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_with_a_slow_clock_gets_what_it_lacks() {
    let mut world = World::formed(3).await;
    let (leader, slow) = world.without_a_follower().await;
    world.settle(leader, "while it was down").await;
    world.set_clock(slow, -2 * HOUR_MS);
    world.start(slow).await.unwrap();
    assert!(world.holds(slow, "while it was down").await);
    world.settle(slow, "afterwards").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_time_when_all_clocks_were_fast_reach_a_node_that_lacked_them() {
    // given two nodes whose clocks were an hour ahead, while the third was down
    let mut world = World::formed(3).await;
    let (_, absent) = world.without_a_follower().await;
    world.set_clocks(HOUR_MS);
    world.date_ahead().await;
    world.set_clocks(0);
    // when it comes back
    world.start(absent).await.unwrap();
    world.settle(absent, "right again").await;
    // then it has them
    assert!(world.holds(absent, "fast 0").await);
    assert!(world.applied_time(absent) > bound());
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_that_time_that_have_changed_nothing_reach_it_too() {
    // given two nodes that have applied such an entry last, while the third was down
    let mut world = World::formed(3).await;
    let (leader, absent) = world.without_a_follower().await;
    world.set_clocks(HOUR_MS);
    let fast = bound();
    until("the leader dates entries ahead", || {
        world.nodes[&leader].log_time() > Some(fast)
    })
    .await;
    let refused = String::from_utf8_lossy(REFUSED);
    world
        .settle(leader, &format!("{refused}of the fast hour"))
        .await;
    let others: Vec<_> = world.nodes.keys().copied().collect();
    assert!(others.iter().all(|node| world.applied_time(*node) < fast));
    // and that have started again since their clocks were set back
    for node in &others {
        world.kill(*node).await;
    }
    world.set_clocks(0);
    for node in others {
        world.start(node).await.unwrap();
    }
    // when it comes back
    world.start(absent).await.unwrap();
    world.settle(absent, "right again").await;
    // then it goes on with them
    assert!(world.holds(absent, "right again").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_starts_again_with_clocks_behind_its_log() {
    let mut world = World::formed(3).await;
    world.set_clocks(HOUR_MS);
    world.date_ahead().await;
    let nodes: Vec<_> = world.peers.keys().copied().collect();
    for node in &nodes {
        world.kill(*node).await;
    }
    world.set_clocks(0);
    for node in &nodes {
        world.start(*node).await.unwrap();
    }
    world.settle(nodes[0], "right again").await;
    for node in nodes {
        assert!(world.holds(node, "fast 0").await);
        assert!(world.holds(node, "right again").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_clocks_that_were_set_back_since_does_not_hold_up_the_cluster() {
    // given an honest leader, and one follower by whose clock it dates entries an hour ahead
    let mut world = World::formed(3).await;
    let first = world.leader().await;
    let mut followers = vec![world.a_follower(first)];
    world.kill(followers[0]).await;
    let leader = world.leader().await;
    followers.push(world.a_follower(leader));
    world.set_clocks(HOUR_MS);
    let fast = bound();
    until("the leader dates entries ahead", || {
        world.nodes[&leader].log_time() > Some(fast)
    })
    .await;
    // when that follower goes before it gets the next entry
    world.kill(followers[1]).await;
    let deadline = Instant::now() + Duration::from_millis(500);
    let proposed = world.nodes[&leader].propose("of the fast hour".into(), deadline);
    assert_eq!(proposed.await, Err(ProposeError::Unknown));
    // and both are back when all clocks are right
    world.set_clocks(0);
    for follower in &followers {
        world.start(*follower).await.unwrap();
    }
    // then they go on without the entry
    world.settle(followers[0], "right again").await;
    for node in world.peers.keys() {
        assert!(world.holds(*node, "right again").await);
        assert!(!world.holds(*node, "of the fast hour").await);
        assert!(world.applied_time(*node) <= bound());
    }
}
