//! Loss of the majority and of the leader: errors, stale reads, failover.

use cameo_common::api::{StateHash, UserInfo, paths};
use cameo_common::ids::NodeId;

use crate::http::send;
use crate::person::Person;
use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_writes_and_reads_fail_and_stale_reads_work() {
    let mut world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    until("the user at node 3", async || {
        let answer = ada.get(&world, 3, "/v1/users/ada?stale=true").await;
        (answer.status == 200).then_some(())
    })
    .await;
    world.stop(1).await;
    world.stop(2).await;

    let answer = ada.get(&world, 3, "/v1/users/ada").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "no_quorum"));
    let stale: UserInfo = ada.get(&world, 3, "/v1/users/ada?stale=true").await.read();
    assert_eq!(stale.card.verify().unwrap().name, ada.name);
    let body = cameo_common::api::EndSession { epoch: 1 };
    let answer = ada.command(&world, 3, paths::END_SESSION, &body).await;
    let code = answer.code();
    assert!(code == "no_quorum" || code == "outcome_unknown", "{code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_serves_after_its_leader_stops() {
    let mut world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let leader = world.leader().await;
    world.stop(leader).await;
    let other = if leader == NodeId(1) { 2 } else { 1 };
    let info: UserInfo = ada.get(&world, other, "/v1/users/ada").await.read();
    assert_eq!(info.card.verify().unwrap().name, ada.name);

    // Law D3: nodes that have applied the same entries have the same state.
    let hash = async |node: NodeId| -> StateHash {
        send(world.url(node), "GET", paths::STATE_HASH, &[], b"")
            .await
            .read()
    };
    let rest: Vec<NodeId> = (1..=3).map(NodeId).filter(|node| *node != leader).collect();
    until("equal states", async || {
        let (one, two) = (hash(rest[0]).await, hash(rest[1]).await);
        (one == two).then_some(())
    })
    .await;
}
