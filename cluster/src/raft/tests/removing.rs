//! Workers that leave or are removed, and who asks in the name of others.

use std::collections::BTreeMap;
use std::sync::Arc;

use cameo_common::ids::NodeId;

use super::joining::{joined, refused};
use super::world::{World, soon, until};
use crate::link::{ClusterSecret, Dial, Purpose};
use crate::raft::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_gone_can_be_removed_and_a_voter_cannot() {
    let mut world = World::formed(3).await;
    world.add_worker(4, [1]);
    world.start(4).await.unwrap();
    joined(&world, 4).await;
    world.kill(4).await;
    let follower = world.a_follower(world.leader().await);
    let by_way_of = BTreeMap::from([(follower, world.peers[&follower].clone())]);
    let remove = |secret: &[u8], id| {
        let secret = ClusterSecret::from_bytes(secret.to_vec()).unwrap();
        let by_way_of = by_way_of.clone();
        async move { remove_worker(&by_way_of, Arc::new(secret), id).await }
    };
    let right = world.places[&NodeId(1)].secret.clone();
    assert!(matches!(
        remove(b"guessed, and guessed wrong", NodeId(4)).await,
        Err(RemoveError::Refused(_))
    ));
    assert!(matches!(
        remove(&right, NodeId(2)).await,
        Err(RemoveError::Votes(NodeId(2)))
    ));
    remove(&right, NodeId(4)).await.unwrap();
    until("nobody counts on it any more", || {
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
    // and it is told, should it come back
    world.start(4).await.unwrap();
    let why = refused(&world.nodes[&NodeId(4)]).await;
    assert!(why.contains("node 4 was removed"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_leader_fell_while_letting_it_in_asks_the_next_one() {
    // given a leader that is about to let a worker in
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let others: Vec<NodeId> = (1..=3).map(NodeId).filter(|id| *id != leader).collect();
    world.add_worker(4, 1..=3);
    world.shut(4);
    world.start(4).await.unwrap();
    world.knocked().await;
    // when it tells the worker, and no majority
    for id in &others {
        world.kill(*id).await;
    }
    world.open();
    until("the worker is told", || {
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
    // then the worker was not removed: it was never in, and asks again
    joined(&world, 4).await;
    world.propose(4, "by way of the worker").await;
    let forming = world.nodes[&NodeId(4)].bootstrap_state().borrow().clone();
    assert!(
        matches!(forming, BootstrapState::Formed { .. }),
        "{forming:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_joins_for_another() {
    // given a stranger to the cluster who knows its secret
    let mut world = World::formed(1).await;
    world.add_worker(2, [1]);
    let place = &world.places[&NodeId(2)];
    let cluster = world.nodes[&NodeId(1)].cluster();
    let links = super::strangers::stranger(NodeId(2), place.keys.clone(), &place.secret, cluster);
    // when it asks for a key that is not its own
    let request = crate::raft::rpc::wire::NodeRequest::Join {
        member: Member {
            link: place.link.clone(),
            http: "http://node2".into(),
            key: [9; 32],
        },
        patience_millis: 1_000,
    };
    let dial = Dial {
        node: NodeId(1),
        address: world.peers[&NodeId(1)].clone(),
        purpose: Purpose::Member,
    };
    let reply = crate::raft::rpc::ask::ask(&links, dial, &request, soon()).await;
    // then nothing comes of it
    assert!(matches!(
        reply,
        Ok(crate::raft::rpc::wire::NodeReply::Joined(Err(
            crate::raft::rpc::wire::MemberRefusal::OtherNode
        )))
    ));
    assert!(world.nodes[&NodeId(1)].status().learners.is_empty());
}
