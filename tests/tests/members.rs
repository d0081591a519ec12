//! Changes of the voters of a running cluster, by the operator's commands.

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use cameo_harness::until;
use cameo_tests::{Outcome, SETTLES_WITHIN, World};

/// The ids of the voters, as a node has them.
async fn voters(world: &World, at: u64) -> Option<Vec<u64>> {
    let status = world.cluster.node(NodeId(at))?.status().await?;
    let members = status["members"].as_array()?;
    let voters = members.iter().filter(|member| member["voter"] == true);
    voters.map(|member| member["id"].as_u64()).collect()
}

#[tokio::test]
async fn a_worker_takes_the_place_of_a_voter_in_the_same_process() -> Outcome {
    // given three voters, one of them lost, and a worker that has joined
    let mut world = World::new(3).await?;
    world.registered("ada").await?;
    world.cluster.join_worker(4).await?;
    world.cluster.caught_up().await?;
    let lost = world.cluster.node_mut(3).context("the node exists")?;
    lost.kill().await?;
    // when it takes the lost one's place
    world
        .cluster
        .order(&["member", "replace", "3", "4"])
        .await?;
    // then it votes: the cluster goes on without another one of the first
    for at in [1, 2, 4] {
        let look = async || {
            voters(&world, at)
                .await
                .filter(|voters| *voters == [1, 2, 4])
        };
        until("the new voters", SETTLES_WITHIN, look).await?;
    }
    let second = world.cluster.node_mut(2).context("the node exists")?;
    second.kill().await?;
    world.cluster.order(&["registration", "closed"]).await?;
    // and it runs as the process that it was
    let promoted = world.cluster.node_mut(4).context("the node exists")?;
    assert!(promoted.ended().is_none(), "node 4 has ended");
    Ok(())
}

#[tokio::test]
async fn a_node_is_added_while_it_joins_by_one_command() -> Outcome {
    // given three voters, and a node that has just been started with a token
    let mut world = World::new(3).await?;
    world.registered("ada").await?;
    world.cluster.join_worker(4).await?;
    // when it is added, then it votes once the command has ended, which may be given again
    for _ in 0..2 {
        world.cluster.order(&["member", "add", "4"]).await?;
        let look = async || {
            voters(&world, 4)
                .await
                .filter(|voters| *voters == [1, 2, 3, 4])
        };
        until("the new voters", SETTLES_WITHIN, look).await?;
    }
    Ok(())
}
