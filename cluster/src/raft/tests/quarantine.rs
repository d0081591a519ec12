//! Voters that are told what they had promised, truly and falsely.

use std::sync::Arc;

use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::SigningKey;
use cameo_common::signed::Signed;
use cameo_common::statements::{Marks, NodeProgress};

use super::attacks::takeover;
use super::outsiders::outsider;
use super::world::{World, soon, until};
use crate::host::blocking::Blocking;
use crate::link::{Dial, Link, NodeKeys, Purpose};
use crate::raft::ReadError;
use crate::raft::quarantine::{Closed, Origin, QuarantineDisk as _, QuarantineFolder};
use crate::raft::rpc::wire::{NodeReply, NodeRequest, ProgressTold, decode, encode};
use crate::raft::time::voter_times::VoterTimes;

const HIGH: Marks = Marks {
    floor: 1 << 40,
    term: 1 << 40,
    log: 1 << 40,
};

fn statement(by: &NodeKeys, cluster: ClusterId, reached: Marks) -> Signed<NodeProgress> {
    let key: SigningKey = by.signing_key();
    let progress = NodeProgress {
        node: key.public(),
        cluster,
        incarnation: 77,
        found: Marks::default(),
        reached,
    };
    Signed::new(&key, progress)
}

/// A cluster in which one voter runs another program, with its link to another voter.
struct WithLiar {
    world: World,
    liar: NodeId,
    victim: NodeId,
    link: Link,
    /// The liar's keys.
    keys: Arc<NodeKeys>,
    cluster: ClusterId,
}

impl WithLiar {
    async fn new() -> Self {
        let mut world = World::formed(3).await;
        let (leader, liar) = {
            let leader = world.leader().await;
            (leader, world.a_follower(leader))
        };
        let victim = *world
            .nodes
            .keys()
            .find(|id| **id != liar && **id != leader)
            .unwrap();
        let cluster = world.nodes[&liar].cluster().unwrap();
        world.kill(liar).await;
        let host = &world.hosts[&liar];
        let links = outsider(liar, host.keys.clone(), &host.secret, Some(cluster));
        let link = links.dedicated(Dial {
            node: victim,
            address: world.peers[&victim].clone(),
            purpose: Purpose::Member,
            key: Some(world.hosts[&victim].keys.signing_key().public().0),
        });
        let keys = host.keys.clone();
        Self {
            world,
            liar,
            victim,
            link,
            keys,
            cluster,
        }
    }

    /// Tells the victim that this is what it had said of itself. Gives the victim's own words.
    async fn tell(&self, of_you: Option<Signed<NodeProgress>>) -> Signed<NodeProgress> {
        let told = ProgressTold {
            mine: statement(&self.keys, self.cluster, Marks::default()),
            of_you,
            times: VoterTimes {
                clock: Millis(1),
                applied: Millis(1),
            },
            descriptor: 0,
        };
        let body = encode(&NodeRequest::Progress(told));
        let reply = self.link.call(&body, soon()).await.unwrap();
        match decode(&reply).unwrap() {
            NodeReply::Progress(Some(told)) => told.mine,
            other => panic!("{other:?}"),
        }
    }

    fn is_quarantined(&self) -> bool {
        self.world.nodes[&self.victim].status().quarantined
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_one_peers_word_silences_no_node() {
    let it = WithLiar::new().await;
    let victims = it.world.hosts[&it.victim].keys.clone();
    // when a voter shows another one what that one has not signed, not here, or just now
    let own = it.tell(None).await;
    let by_liar = statement(&it.keys, it.cluster, HIGH);
    let elsewhere = statement(&victims, ClusterId([9; 32]), HIGH);
    let mut raised = own.as_bytes().to_vec();
    *raised.last_mut().unwrap() += 1;
    let raised = Signed::from_bytes(raised);
    let garbage = Signed::from_bytes(vec![7; 90]);
    for forged in [by_liar, elsewhere, raised, garbage, own] {
        it.tell(Some(forged)).await;
        assert!(!it.is_quarantined());
    }
    // then that one goes on: with the liar silent, it is half of the majority.
    it.world.propose(it.victim, "afterwards").await;
    assert!(it.world.holds(it.victim, "afterwards").await);
}

fn origin(world: &World, id: u64) -> Origin {
    let data = &world.hosts[&NodeId(id)].data;
    let folder = QuarantineFolder::within(data, Blocking::Threads);
    folder.origin().unwrap()
}

/// Waits until a node's folder is told from its copies.
async fn original(world: &World, id: u64) {
    until("an original folder", || {
        origin(world, id) == Origin::Original
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_takes_part_while_its_origin_cannot_be_written_and_writes_it_later() {
    let world = World::new(1);
    // Given a disk that takes no record: a folder is where it is written
    let part = world.hosts[&NodeId(1)].data.join("origin.part");
    std::fs::create_dir_all(&part).unwrap();
    let world = world.form(1).await;
    world.propose(1, "meanwhile").await;
    assert_ne!(origin(&world, 1), Origin::Original);
    // when it takes one again, then it is written without another start.
    std::fs::remove_dir(&part).unwrap();
    original(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_voter_takes_part_with_a_majority_while_a_peer_stays_down() {
    let mut world = World::formed(3).await;
    world.propose(1, "before").await;
    original(&world, 2).await;
    for id in [1, 2] {
        world.kill(id).await;
    }
    // when one of them comes back, and not the other
    world.start(2).await.unwrap();
    assert!(world.nodes[&NodeId(2)].takes_part().is_err());
    // then it waits for the other no longer than the grace.
    world.propose(2, "afterwards").await;
    assert!(world.nodes[&NodeId(2)].takes_part().is_ok());
    assert!(world.holds(2, "before").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_own_signature_above_what_it_has_found_quarantines_it() {
    let it = WithLiar::new().await;
    let victims = it.world.hosts[&it.victim].keys.clone();
    let above = Marks {
        floor: 1,
        ..Marks::default()
    };
    it.tell(Some(statement(&victims, it.cluster, above))).await;
    until("quarantine", || it.is_quarantined()).await;
    // It neither votes nor appends nor reads.
    let node = &it.world.nodes[&it.victim];
    let refused = node.barrier(soon()).await;
    let quarantined = Err(ReadError::TakesNoPart(Closed::Quarantined));
    assert_eq!(refused.map(drop), quarantined);
    for request in takeover(node.status().term + 1, it.liar) {
        let error = it.link.call(&encode(&request), soon()).await.unwrap_err();
        assert!(error.to_string().contains("quarantined"), "{error}");
    }
    assert_eq!(node.takes_part(), quarantined);
}
