//! Workers of a real cluster: admission by a token, and removal by order.

use std::collections::BTreeMap;

use cameo_cluster::config::{Config, CredentialFile};
use cameo_cluster::node::Node;
use cameo_cluster::operator::{Operation, Order, TokenOrder, run, sign_token};
use cameo_common::ids::NodeId;

use crate::operator::SILENT;
use crate::person::now;
use crate::world::{World, until};

pub const WORKER: NodeId = NodeId(4);
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

/// Configuration of a worker with a token of a cluster's operator, which may be another cluster's.
pub fn worker(world: &World, of: &World) -> Config {
    let out = world.folder().join("token");
    let order = TokenOrder {
        cluster: of.cluster,
        peers: world.peers(),
        life: DAY,
        out: out.clone(),
    };
    sign_token(&of.operator_key(), order, now()).unwrap();
    let ports = cameo_harness::free_ports(2).unwrap();
    Config {
        id: WORKER,
        data: world.folder().join("worker"),
        worker: true,
        decisions: None,
        metrics: None,
        credential: CredentialFile::Token(out),
        http: ([127, 0, 0, 1], ports[0]).into(),
        peers: BTreeMap::from([(WORKER, format!("127.0.0.1:{}", ports[1]))]),
        ..world.config(1)
    }
}

async fn members(world: &World) -> Vec<NodeId> {
    let leader = world.leader().await;
    let members = world.status(leader).await.members;
    members.into_iter().map(|member| member.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_joins_by_its_token_and_is_removed_by_order_for_good() {
    let world = World::new(3).await;
    // given a worker that was admitted by a token
    let config = worker(&world, &world);
    let joined = Node::start(config.clone()).await.unwrap();
    assert_eq!(joined.ready().await, world.cluster);
    until("a member", async || {
        members(&world).await.contains(&WORKER).then_some(())
    })
    .await;
    // when the operator orders its removal
    let urls = world.urls.join(",");
    let order = Order {
        key: world.operator_key(),
        cluster: format!("{urls}#{}", world.cluster).parse().unwrap(),
        operation: Operation::RemoveWorker(WORKER),
    };
    run(order.clone(), SILENT).await.unwrap();
    // then it is no member, and learns so when it starts again
    assert!(!members(&world).await.contains(&WORKER));
    joined.stop().await.unwrap();
    let again = Node::start(config).await.unwrap();
    let why = again.wait_until_refused().await;
    assert!(why.contains("node 4 was removed"), "{why}");
    assert!(!members(&world).await.contains(&WORKER));
    again.stop().await.unwrap();
    // and a repeated order is carried out as before
    run(order, SILENT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_token_of_another_clusters_operator_admits_no_worker() {
    let (world, other) = (World::new(1).await, World::new(1).await);
    let stranger = Node::start(worker(&world, &other)).await.unwrap();
    let why = stranger.wait_until_refused().await;
    assert!(why.contains("not signed by the operator"), "{why}");
    assert!(!members(&world).await.contains(&WORKER));
    stranger.stop().await.unwrap();
}
