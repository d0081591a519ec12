//! Removal of workers, an interrupted admission, and joining under another identity.

use std::collections::BTreeMap;
use std::sync::Arc;

use cameo_common::ids::NodeId;

use super::joining::{wait_until_joined, wait_until_refused};
use super::world::{World, soon, until};
use crate::link::{ClusterSecret, Dial, Purpose};
use crate::raft::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_worker_can_be_removed_and_a_voter_cannot() {
    let mut world = World::formed(3).await;
    world.add_worker(4, [1]);
    world.start(4).await.unwrap();
    wait_until_joined(&world, 4).await;
    world.kill(4).await;
    let follower = world.a_follower(world.leader().await);
    let through = BTreeMap::from([(follower, world.peers[&follower].clone())]);
    let remove = |secret: &[u8], id| {
        let secret = ClusterSecret::from_bytes(secret.to_vec()).unwrap();
        let through = through.clone();
        async move { remove_worker(&through, Arc::new(secret), id).await }
    };
    let right = world.hosts[&NodeId(1)].secret.clone();
    assert!(matches!(
        remove(b"guessed, and guessed wrong", NodeId(4)).await,
        Err(RemoveError::Refused(_))
    ));
    assert!(matches!(
        remove(&right, NodeId(2)).await,
        Err(RemoveError::IsVoter(NodeId(2)))
    ));
    remove(&right, NodeId(4)).await.unwrap();
    until("it is not a member at any node", || {
        world
            .statuses()
            .iter()
            .all(|status| status.learners.is_empty())
    })
    .await;
    assert!(matches!(
        remove(&right, NodeId(4)).await,
        Err(RemoveError::NotAMember(NodeId(4)))
    ));
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
    // given an outsider that has the cluster secret
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
        timeout_millis: 1_000,
    };
    let dial = Dial {
        node: NodeId(1),
        address: world.peers[&NodeId(1)].clone(),
        purpose: Purpose::Member,
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
