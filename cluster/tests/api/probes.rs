//! Health, readiness and latencies of nodes, at the address of their metrics.

use cameo_common::api::{NodeHealth, NodeReadiness, NotReadyCode, paths};

use crate::http::{Answer, read_plain};
use crate::person::Person;
use crate::world::{World, until};

/// The codes for which a node is not ready.
pub async fn not_ready(world: &World, node: u64) -> Vec<NotReadyCode> {
    let answer = read_plain(world.metrics(node), paths::READY).await;
    let ready: NodeReadiness = json(&answer);
    assert_eq!(answer.status, if ready.ready { 200 } else { 503 });
    assert_eq!(ready.ready, ready.reasons.is_empty());
    ready.reasons.iter().map(|reason| reason.code).collect()
}

/// Waits until a node is ready, or is not for exactly these reasons.
async fn until_not_ready(world: &World, node: u64, codes: &[NotReadyCode]) {
    until(&format!("node {node} as {codes:?}"), async || {
        (not_ready(world, node).await == codes).then_some(())
    })
    .await;
}

async fn is_healthy(world: &World, node: u64) -> bool {
    let answer = read_plain(world.metrics(node), paths::HEALTH).await;
    let health: NodeHealth = json(&answer);
    health.healthy && answer.status == 200
}

fn json<T: serde::de::DeserializeOwned>(answer: &Answer) -> T {
    serde_json::from_slice(&answer.body).unwrap()
}

/// A figure of a node's metrics.
async fn figure(world: &World, node: u64, name: &str) -> f64 {
    let page = read_plain(world.metrics(node), paths::METRICS).await.body;
    let page = String::from_utf8(page).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_node_without_its_majority_when_it_is_asked_then_it_is_healthy_and_not_ready() {
    let mut world = World::new(3).await;
    for node in 1..=3 {
        until_not_ready(&world, node, &[]).await;
        assert!(is_healthy(&world, node).await);
    }
    world.stop(1).await;
    until_not_ready(&world, 3, &[]).await;
    world.stop(2).await;
    until_not_ready(&world, 3, &[NotReadyCode::NoMajority]).await;
    assert!(is_healthy(&world, 3).await);
    world.start(1).await;
    until_not_ready(&world, 3, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_writes_and_reads_when_metrics_are_read_then_each_part_has_its_latencies() {
    let world = World::new(3).await;
    let before = figure(&world, 1, "cameo_write_duration_seconds_count").await;
    let ada = Person::registered(&world, "ada").await;
    let seen = ada.get(&world, 2, "/v1/users/ada").await;
    assert_eq!(seen.status, 200);
    assert!(figure(&world, 1, "cameo_write_duration_seconds_count").await > before);
    assert!(figure(&world, 2, "cameo_read_duration_seconds_count").await >= 1.0);
    for node in 1..=3 {
        for part in ["log_sync", "apply"] {
            let name = format!("cameo_{part}_duration_seconds_count");
            assert!(figure(&world, node, &name).await >= 1.0, "{name}");
        }
        let batches = figure(&world, node, "cameo_apply_duration_seconds_count").await;
        let entries = figure(&world, node, "cameo_apply_entries_sum").await;
        assert!(entries >= batches, "{entries} entries in {batches} batches");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_fixed_indexes_when_entries_reach_them_then_snapshots_are_timed() {
    let world = World::changed(1, |config| config.snapshot_after = 10).await;
    for name in [
        "ada", "bob", "cyn", "dan", "eve", "fay", "gil", "hal", "ida", "joe",
    ] {
        Person::registered(&world, name).await;
    }
    until("a snapshot", async || {
        let name = "cameo_snapshot_duration_seconds_count";
        (figure(&world, 1, name).await >= 1.0).then_some(())
    })
    .await;
}
