//! Bootstrap of a cluster from empty directories, and conditions that prevent it.

use std::sync::Arc;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;

use super::world::{World, until};
use crate::host::rng::NodeRng;
use crate::raft::memory::MemoryDisk;
use crate::raft::*;
use crate::store::Decider;

fn why(node: &Raft) -> Option<String> {
    match &*node.bootstrap_state().borrow() {
        BootstrapState::Waiting { why } | BootstrapState::Refused { why } => Some(why.clone()),
        BootstrapState::Formed { .. } => None,
    }
}

async fn waits_because(world: &World, id: impl Into<NodeId>, words: &str) {
    let id = id.into();
    let node = &world.nodes[&id];
    until(&format!("node {id} waits because: {words}"), || {
        why(node).is_some_and(|why| why.contains(words))
    })
    .await;
    // `cameod` puts "waiting: " before it.
    assert!(why(node).is_none_or(|why| !why.contains("waiting")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_forms_only_when_the_last_node_is_up() {
    let mut world = World::new(3);
    world.start(1).await.unwrap();
    world.start(2).await.unwrap();
    waits_because(&world, 1, "no answer from node 3").await;
    waits_because(&world, 2, "no answer from node 3").await;
    assert!(
        world
            .statuses()
            .iter()
            .all(|status| status.last_log == 0 && status.term == 0)
    );
    world.start(3).await.unwrap();
    world.leader().await;
    let genesis = world.nodes[&NodeId(2)].wait_until_formed().await;
    let ids: Vec<_> = genesis
        .members
        .iter()
        .map(|member| (member.id, member.sealing))
        .collect();
    let expected = [1, 2, 3]
        .map(NodeId)
        .map(|id| (id, world.hosts[&id].keys.sealing_public()));
    assert_eq!(ids, expected);
    assert_eq!(
        world.nodes[&NodeId(3)].cluster(),
        Some(genesis.cluster_id())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_node_forms_a_cluster() {
    let world = World::formed(1).await;
    world.propose(1, "alone").await;
    assert!(world.holds(1, "alone").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_or_another_list_of_peers_prevents_the_bootstrap() {
    let mut world = World::new(3);
    world.hosts.get_mut(&NodeId(3)).unwrap().secret = b"another secret altogether".to_vec();
    for id in [1, 2, 3] {
        world.start(id).await.unwrap();
    }
    waits_because(&world, 1, "the cluster secret differs").await;
    waits_because(&world, 3, "the cluster secret differs").await;
    assert!(world.statuses().iter().all(|status| status.last_log == 0));

    let mut world = World::new(3);
    world.start(1).await.unwrap();
    world.start(2).await.unwrap();
    world.peers.remove(&NodeId(2));
    world.start(3).await.unwrap();
    waits_because(&world, 1, "give every node the same --peers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_known_id_with_an_empty_disk_never_votes() {
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let lost = world.a_follower(leader);
    world.propose(leader, "promised").await;
    world.kill(lost).await;
    world.hosts.get_mut(&lost).unwrap().empty();
    world.start(lost).await.unwrap();
    waits_because(&world, lost, "it will not vote").await;

    // With one more node down, the emptied node would make a quorum. It does not vote.
    let others: Vec<NodeId> = [1, 2, 3]
        .map(NodeId)
        .into_iter()
        .filter(|id| *id != lost)
        .collect();
    world.kill(others[0]).await;
    let survivor = &world.nodes[&others[1]];
    let short = tokio::time::Instant::now() + std::time::Duration::from_secs(2);
    assert!(
        survivor
            .propose(b"no quorum".to_vec(), short)
            .await
            .is_err()
    );
    let emptied = world.nodes[&lost].status();
    assert_eq!((emptied.last_log, emptied.term), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_formed_cluster_restarts_without_help_and_keeps_its_id() {
    let mut world = World::formed(3).await;
    world.propose(1, "before").await;
    let id = world.nodes[&NodeId(1)].cluster();
    for node in [1, 2, 3] {
        world.kill(node).await;
    }
    for node in [1, 2, 3] {
        world.start(node).await.unwrap();
    }
    assert!(world.holds(2, "before").await);
    assert_eq!(world.nodes[&NodeId(3)].cluster(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_lost_its_log_or_its_record_does_not_start() {
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let lost = world.a_follower(leader);
    world.propose(lost, "something").await;
    let data = world.hosts[&lost].data.clone();
    until("the log has begun", || {
        std::fs::read(data.join("genesis"))
            .unwrap()
            .iter()
            .rev()
            .nth(4)
            == Some(&1)
    })
    .await;
    world.kill(lost).await;

    let disk = world.hosts[&lost].disk.clone();
    let decider = Decider::new(Arc::default(), NodeRng::of_seed(1));
    let empty = MemoryDisk::new(Arc::new(decider));
    world.hosts.get_mut(&lost).unwrap().disk = empty;
    assert!(matches!(world.start(lost).await, Err(StartError::LogLost)));

    world.hosts.get_mut(&lost).unwrap().disk = disk;
    std::fs::remove_file(data.join("genesis")).unwrap();
    assert!(matches!(
        world.start(lost).await,
        Err(StartError::RecordLost)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_in_its_own_list_of_peers_does_not_start() {
    let mut world = World::new(2);
    let settings = {
        let mut settings = world.settings(1);
        settings.peers.remove(&NodeId(1));
        settings
    };
    let started = start(
        settings,
        world.deps(1).await,
        world.hosts[&NodeId(1)].disk.storage(),
    )
    .await;
    assert!(matches!(started, Err(StartError::NotAPeer(NodeId(1)))));
    world.hosts.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_formed_cluster_when_a_node_starts_with_another_secret_then_it_is_refused() {
    let other = b"another secret altogether".to_vec();
    let mut world = World::formed(3).await;
    world.propose(1, "before").await;
    world.kill(2).await;
    let host = world.hosts.get_mut(&NodeId(2)).unwrap();
    let ours = std::mem::replace(&mut host.secret, other.clone());
    let refused = |started| matches!(started, Err(StartError::Secret(_)));
    assert!(refused(world.start(2).await));

    // With the same secret and another operator's key, as in no file of `cameod secret`.
    let host = world.hosts.get_mut(&NodeId(2)).unwrap();
    host.secret = ours;
    let operator = std::mem::replace(&mut host.terms.operator, PublicKey([7; 32]));
    assert!(refused(world.start(2).await));

    // A folder of before the check is given it by a start.
    let host = world.hosts.get_mut(&NodeId(2)).unwrap();
    host.terms.operator = operator;
    let file = host.data.join("secret-check");
    std::fs::remove_file(&file).unwrap();
    world.start(2).await.unwrap();
    assert!(world.holds(2, "before").await);
    world.kill(2).await;
    assert!(file.exists());
    world.hosts.get_mut(&NodeId(2)).unwrap().secret = other;
    assert!(refused(world.start(2).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_formed_cluster_when_a_node_starts_with_another_address_then_it_is_refused() {
    let mut world = World::formed(3).await;
    let founded = world.peers.clone();
    for moved in [2, 3] {
        world.kill(2).await;
        world.peers.insert(NodeId(moved), "127.0.0.1:9".to_owned());
        let refused = world.start(2).await.unwrap_err().to_string();
        let says = format!("node {moved} at 127.0.0.1:9, and the cluster has it at");
        assert!(refused.contains(&says), "{refused}");
        world.peers = founded.clone();
        world.start(2).await.unwrap();
    }
    world.leader().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn founders_that_give_a_node_different_addresses_form_no_cluster() {
    let mut world = World::new(3);
    world.start(1).await.unwrap();
    let link = world.peers[&NodeId(1)].replace("127.0.0.1", "localhost");
    world.peers.insert(NodeId(1), link);
    world.start(2).await.unwrap();
    world.start(3).await.unwrap();
    for id in [2, 3] {
        waits_because(&world, id, "give every node the same --peers").await;
    }
    assert!(world.statuses().iter().all(|status| status.last_log == 0));
}
