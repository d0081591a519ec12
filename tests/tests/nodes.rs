//! Case 5: any node may be killed at any time.

use std::process::Stdio;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use cameo_tests::{Outcome, PHOTOS, World, grant_row, hash_of, photo, share, text};

#[tokio::test]
async fn a_request_is_served_although_the_leader_is_killed_meanwhile() -> Outcome {
    let mut world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let first = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "2"]).await?;
    ben.ok(&["view", &first.grant, "--yes"]).await?;
    let path = photo(PHOTOS[1]).display().to_string();
    let added = ada
        .ok(&["add", &path, "--policy", "open", "--views", "1"])
        .await?;
    let image = text(&added["images"][0], "image")?;

    let leader = world.cluster.leader().await?;
    let mut command = ben.command(&["request", "ada", &image, "--json"]);
    let mut request = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    world
        .cluster
        .node_mut(leader)
        .context("the node exists")?
        .kill()
        .await?;
    assert!(
        request.try_wait()?.is_none(),
        "the request ended before the kill"
    );
    let asked = request.wait_with_output().await?;
    assert!(asked.status.success(), "{asked:?}");

    // Nothing acknowledged is lost, and the new photo opens.
    assert_ne!(world.cluster.leader().await?, leader);
    assert_eq!(grant_row(&ada, "shared", &first.grant).await?["used"], 1);
    let arrived: serde_json::Value = serde_json::from_slice(&asked.stdout)?;
    let viewed = ben
        .ok(&["view", &text(&arrived, "grant")?, "--yes"])
        .await?;
    assert_eq!(text(&viewed, "blake3")?, hash_of(&photo(PHOTOS[1]))?);

    // The node returns and catches up by itself.
    world
        .cluster
        .node_mut(leader)
        .context("the node exists")?
        .start()
        .await?;
    world.cluster.caught_up().await?;
    Ok(())
}

#[tokio::test]
async fn everything_acknowledged_survives_a_kill_of_all_nodes_at_once() -> Outcome {
    let mut world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    for node in &mut world.cluster.nodes {
        node.kill().await?;
    }
    world.cluster.start_all().await?;
    world.cluster.leader().await?;
    let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(
        (viewed["used"].as_u64(), viewed["left"].as_u64()),
        (Some(2), Some(1)),
        "{viewed}"
    );
    Ok(())
}

#[tokio::test]
async fn without_a_majority_nothing_is_done_and_the_error_says_so() -> Outcome {
    let mut world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    for id in [1, 2] {
        world
            .cluster
            .node_mut(id)
            .context("the node exists")?
            .kill()
            .await?;
    }
    let refused = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(refused.code, 7, "{refused:?}");

    world.cluster.start_all().await?;
    world.cluster.leader().await?;
    // The interrupted view is resumed with its id: charged at most once.
    let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(viewed["used"], 1, "{viewed}");
    Ok(())
}

#[tokio::test]
async fn five_nodes_serve_without_two() -> Outcome {
    let mut world = World::new(5).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "2"]).await?;
    let leader = world.cluster.leader().await?;
    let follower = NodeId(if leader == NodeId(1) { 2 } else { 1 });
    for id in [leader, follower] {
        world
            .cluster
            .node_mut(id)
            .context("the node exists")?
            .kill()
            .await?;
    }
    let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(viewed["used"], 1, "{viewed}");
    Ok(())
}
