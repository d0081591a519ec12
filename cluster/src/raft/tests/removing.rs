//! Removal of workers, an interrupted admission, and joining under another identity.

use cameo_common::ids::NodeId;

use super::joining::{wait_until_joined, wait_until_refused};
use super::world::{World, soon, until};
use crate::link::{Dial, Purpose};
use crate::raft::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_worker_can_be_removed_and_a_voter_cannot() {
    let mut world = World::formed(3).await;
    world.add_worker(4, [1]);
    world.start(4).await.unwrap();
    wait_until_joined(&world, 4).await;
    world.kill(4).await;
    let leader = world.leader().await;
    let raft = world.nodes[&leader].clone();
    let voter = raft.remove_worker(NodeId(2)).await.unwrap_err();
    assert!(voter.contains("is a voter"), "{voter}");
    let follower = world.a_follower(leader);
    assert!(
        world.nodes[&follower]
            .remove_worker(NodeId(4))
            .await
            .is_err()
    );
    raft.remove_worker(NodeId(4)).await.unwrap();
    until("it is not a member at any node", || {
        world
            .statuses()
            .iter()
            .all(|status| status.learners.is_empty())
    })
    .await;
    let again = raft.remove_worker(NodeId(4)).await.unwrap_err();
    assert!(again.contains("no member has this id"), "{again}");
    // and it learns of its removal when it starts again
    world.start(4).await.unwrap();
    let why = wait_until_refused(&world.nodes[&NodeId(4)]).await;
    assert!(why.contains("node 4 was removed"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_leader_failed_during_its_admission_asks_the_next_leader() {
    // given a leader that is about to admit a worker
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let others: Vec<NodeId> = (1..=3).map(NodeId).filter(|id| *id != leader).collect();
    world.add_worker(4, 1..=3);
    world.block(4);
    world.start(4).await.unwrap();
    world.dialled().await;
    // when the worker receives the entry, and no majority does
    for id in &others {
        world.kill(*id).await;
    }
    world.unblock();
    until("the worker has the entry", || {
        world.nodes[&NodeId(4)]
            .status()
            .learners
            .contains_key(&NodeId(4))
    })
    .await;
    world.kill(leader).await;
    for id in &others {
        world.start(*id).await.unwrap();
    }
    // then the worker was not removed: it was never admitted, and asks again
    wait_until_joined(&world, 4).await;
    let leader = world.leader().await;
    world.propose(leader, "after").await;
    assert!(world.holds(4, "after").await);
    let state = world.nodes[&NodeId(4)].bootstrap_state().borrow().clone();
    assert!(matches!(state, BootstrapState::Formed { .. }), "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_caller_cannot_join_with_another_key() {
    // given an outsider that has a token
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    let host = &world.hosts[&NodeId(2)];
    let cluster = world.nodes[&NodeId(1)].cluster();
    let links = super::outsiders::outsider(NodeId(2), host.keys.clone(), &host.secret, cluster);
    // when it sends a key that is not its own
    let request = crate::raft::rpc::wire::NodeRequest::Join {
        member: Member {
            link: host.link.clone(),
            http: "http://node2".into(),
            key: [9; 32],
        },
        pass: super::world::PASS.to_vec(),
        timeout_millis: 1_000,
    };
    let dial = Dial {
        node: NodeId(1),
        address: world.peers[&NodeId(1)].clone(),
        purpose: Purpose::Join,
        key: None,
    };
    let reply = crate::raft::rpc::ask::ask(&links, dial, &request, soon()).await;
    // then it is refused
    assert!(matches!(
        reply,
        Ok(crate::raft::rpc::wire::NodeReply::Joined(Err(
            crate::raft::rpc::wire::MemberRefusal::OtherNode
        )))
    ));
    assert!(world.nodes[&NodeId(1)].status().learners.is_empty());
}
