//! Workers: nodes without a vote that join a running cluster for its image jobs.

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use cameo_harness::until;
use cameo_tests::{Outcome, PHOTOS, SETTLES_WITHIN, World, hash_of, photo, share, text};
use serde_json::Value;

/// The worker's entry in the leader's status, once the leader has its load report.
async fn load_of(world: &World, id: u64) -> anyhow::Result<Value> {
    let look = async || {
        let leader = world.cluster.leader().await.ok()?;
        let status = world.cluster.node(leader)?.status().await?;
        let members = status["members"].as_array()?;
        let line = members.iter().find(|line| line["id"] == id)?;
        let fresh = line["load"]["age_ms"].as_u64()? < 1_000;
        fresh.then(|| line.clone())
    };
    Ok(until("a load report of the worker", SETTLES_WITHIN, look).await?)
}

#[tokio::test]
async fn a_worker_joins_with_one_flag_and_returns_after_a_kill() -> Outcome {
    let mut world = World::new(3).await?;
    world.registered("ada").await?;
    world.cluster.join_worker(4).await?;
    let line = load_of(&world, 4).await?;
    assert_eq!(line["voter"], false, "{line}");
    assert_eq!(
        line["url"],
        format!(
            "https://{}",
            world.cluster.node(4).context("the node exists")?.http
        )
    );
    world.cluster.caught_up().await?;

    let worker = world.cluster.node_mut(4).context("the node exists")?;
    worker.kill().await?;
    world.registered("ben").await?;
    world
        .cluster
        .node_mut(4)
        .context("the node exists")?
        .start()
        .await?;
    world.cluster.caught_up().await?;
    load_of(&world, 4).await?;
    Ok(())
}

#[tokio::test]
async fn a_worker_makes_the_carriers_of_a_cluster_of_one() -> Outcome {
    // given a worker that is the only follower
    let mut world = World::new(1).await?;
    world.cluster.join_worker(2).await?;
    load_of(&world, 2).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    // when a photo is requested
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "1"]).await?;
    // then the worker has run the job, and the leader none
    let worker = world.cluster.node(2).context("the node exists")?;
    let leader = world.cluster.node(1).context("the node exists")?;
    let done = worker.status().await.context("it answers")?;
    let idle = leader.status().await.context("it answers")?;
    assert_eq!(
        (
            done["jobs_finished"].as_u64(),
            idle["jobs_finished"].as_u64()
        ),
        (Some(1), Some(0)),
        "{done} {idle}"
    );
    // and it opens, although the worker holds no part
    let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(text(&viewed, "blake3")?, hash_of(&photo(PHOTOS[0]))?);

    // Without the worker, the leader runs the job.
    world
        .cluster
        .node_mut(2)
        .context("the node exists")?
        .kill()
        .await?;
    share(&ada, &ben, &photo(PHOTOS[1]), &["--views", "1"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_worker_that_has_lost_its_folder_gets_a_hint_and_can_be_removed() -> Outcome {
    let mut world = World::new(1).await?;
    world.cluster.join_worker(2).await?;
    let worker = world.cluster.node_mut(2).context("the node exists")?;
    worker.stop().await?;
    std::fs::remove_dir_all(worker.folder.join("data"))?;
    let refused = worker
        .start()
        .await
        .err()
        .context("it has lost its folder")?;
    let message = refused.to_string();
    assert!(message.contains("exit status: 2"), "{message}");
    assert!(
        message.contains("an --id that no node has had"),
        "{message}"
    );

    world.cluster.remove(2).await?;
    world.cluster.nodes.retain(|node| node.id != NodeId(2));
    world.cluster.join_worker(3).await?;
    load_of(&world, 3).await?;
    let status = world.cluster.nodes[0].status().await;
    let members = status.context("it answers")?["members"].clone();
    let ids: Vec<_> = members
        .as_array()
        .context("a list")?
        .iter()
        .map(|line| line["id"].as_u64())
        .collect();
    assert_eq!(ids, [Some(1), Some(3)]);
    Ok(())
}
