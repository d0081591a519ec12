//! Nodes whose disks become low, and have room again.

use std::time::Duration;

use tokio::time::Instant;

use super::world::*;
use crate::raft::*;

fn short() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_follower_low_on_disk_when_others_write_then_it_appends_nothing_until_it_has_room()
{
    let world = World::formed(3).await;
    let leader = world.leader().await;
    let follower = world.a_follower(leader);
    world.propose(leader, "before").await;
    world.nodes[&follower].barrier(soon()).await.unwrap();
    world.hosts[&follower].set_full(true);
    let (term, last) = {
        let status = world.nodes[&follower].status();
        (status.term, status.last_log)
    };
    // when the others go on, also by way of it
    for command in ["one", "two"] {
        world.propose(leader, command).await;
    }
    world.propose(follower, "three").await;
    // then it says so, has nothing of it, and follows the leader of the same term
    let status = world.nodes[&follower].status();
    assert!(status.disk.is_low);
    assert_eq!((status.term, status.last_log), (term, last));
    assert_eq!(status.leader, Some(leader));
    assert_eq!(status.failure, None);
    // and it catches up by itself
    world.hosts[&follower].set_full(false);
    for command in ["one", "two", "three"] {
        assert!(world.holds(follower, command).await, "{command}");
    }
    assert_eq!(world.leader().await, leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_leader_low_on_disk_then_a_voter_with_room_leads() {
    let world = World::formed(3).await;
    let leader = world.leader().await;
    world.hosts[&leader].set_full(true);
    let others = || world.nodes.iter().filter(|(id, _)| **id != leader);
    until("another leader", || {
        let mut leads = others().map(|(_, node)| node.status().leader);
        leads.all(|now| now.is_some_and(|now| now != leader))
    })
    .await;
    world
        .propose(leader, "by way of the node that is low")
        .await;
    assert!(world.nodes[&leader].status().disk.is_low);
    world.hosts[&leader].set_full(false);
    assert!(world.holds(leader, "by way of the node that is low").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_that_all_are_low_on_disk_then_reads_go_on_and_writes_are_refused_until_room() {
    let world = World::formed(3).await;
    let leader = world.leader().await;
    world.propose(leader, "before").await;
    let term = world.nodes[&leader].status().term;
    for host in world.hosts.values() {
        host.set_full(true);
    }
    let refused = world.nodes[&leader].propose("no".into(), short()).await;
    assert_eq!(refused, Err(ProposeError::LowDiskSpace));
    let follower = world.a_follower(leader);
    let refused = world.nodes[&follower].propose("no".into(), short()).await;
    assert_eq!(refused, Err(ProposeError::NoLeader));
    for id in [leader, follower] {
        assert!(world.holds(id, "before").await);
    }
    assert_eq!(
        world.nodes[&leader].status().term,
        term,
        "nobody is elected"
    );
    for host in world.hosts.values() {
        host.set_full(false);
    }
    world.propose(leader, "after").await;
    assert!(!world.holds(leader, "no").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_that_all_are_low_when_the_others_have_room_then_one_of_them_leads() {
    let world = World::formed(3).await;
    let leader = world.leader().await;
    let last = world.nodes[&leader].status().last_log;
    for host in world.hosts.values() {
        host.set_full(true);
    }
    until("the entry by which the leader looks for room", || {
        world.nodes[&leader].status().last_log > last
    })
    .await;
    // when the others have room, also long after that entry was appended
    for (_, host) in world.hosts.iter().filter(|(id, _)| **id != leader) {
        host.set_full(false);
    }
    until("another leader", || {
        let mut nodes = world.nodes.iter().filter(|(id, _)| **id != leader);
        nodes.all(|(_, node)| node.status().leader.is_some_and(|now| now != leader))
    })
    .await;
    world
        .propose(leader, "by way of the node that is low")
        .await;
}
