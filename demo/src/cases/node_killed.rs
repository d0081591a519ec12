//! The leader dies in the middle of a request: the request is served all the same, nothing
//! acknowledged is lost, and the node catches up when it returns.

use std::time::Instant;

use anyhow::Context as _;

use super::{Played, Playing, number, opens, text};
use crate::stage::Stage;
use crate::tell::Teller;

pub fn node_killed<'a>(stage: &'a mut Stage, teller: &'a mut Teller) -> Playing<'a> {
    Box::pin(play(stage, teller))
}

async fn play(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Played> {
    let photo = stage.photo.display().to_string();
    let added = stage
        .ada
        .ok(&[
            "add", &photo, "--policy", "open", "--views", "2", "--title", "again",
        ])
        .await?;
    let image = text(&added["images"][0], "image")?;
    let before = stage.jobs_finished().await;
    let leader = stage.cluster.leader().await?;

    let mut asking = stage.ben.command(&["request", "ada", &image, "--json"]);
    let mut asking = asking
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    stage
        .cluster
        .node_mut(leader)
        .context("the leader is one of the nodes")?
        .kill()
        .await?;
    let killed = Instant::now();
    anyhow::ensure!(
        asking.try_wait()?.is_none(),
        "the request was over before the leader was killed"
    );
    teller.step(&format!(
        "ben asks for another photo; node {leader}, the leader, is killed meanwhile (SIGKILL)"
    ));

    let asked = asking.wait_with_output().await?;
    anyhow::ensure!(
        asked.status.success(),
        "the request ended with {}: {}{}",
        asked.status,
        String::from_utf8_lossy(&asked.stdout),
        String::from_utf8_lossy(&asked.stderr)
    );
    let arrived: serde_json::Value = serde_json::from_slice(&asked.stdout)?;
    let grant = text(&arrived, "grant")?;
    let next = stage.cluster.leader().await?;
    anyhow::ensure!(next != leader, "the killed node is said to lead");
    let worker = stage.worker_since(&before).await;
    teller.step(&format!(
        "served {:.2} s after the kill: node {next} leads now, node {} worked",
        killed.elapsed().as_secs_f64(),
        worker.map_or_else(|| "?".to_owned(), |id| id.to_string())
    ));

    opens(stage, &stage.ben, &grant).await?;
    let row = stage.ledger(&stage.grant).await?;
    anyhow::ensure!(
        number(&row, "used")? == 5 && number(&row, "permitted")? == 8,
        "the ledger lost something: {row}"
    );
    teller.step("ben opens the new photo; the ledger still has every view of the old one");

    stage
        .cluster
        .node_mut(leader)
        .context("the leader is one of the nodes")?
        .start()
        .await?;
    let applied = stage.cluster.caught_up().await?;
    same_state(stage).await?;
    teller.step(&format!(
        "node {leader} is back and has caught up: {applied} entries, the same state on every node"
    ));
    Ok(Played {
        leader: Some(next),
        worker,
    })
}

/// Every node that has applied as much has the same state.
async fn same_state(stage: &Stage) -> anyhow::Result<()> {
    let equal = async || {
        let mut told = Vec::new();
        for node in &stage.cluster.nodes {
            let hash = node.get("/v1/state-hash").await?;
            told.push((hash["applied"].as_u64()?, hash["hash"].as_str()?.to_owned()));
        }
        // Comparable only when all stand at one index; entries may arrive between the questions.
        let same_index = told.windows(2).all(|pair| pair[0].0 == pair[1].0);
        same_index.then(|| told.windows(2).all(|pair| pair[0].1 == pair[1].1))
    };
    let within = std::time::Duration::from_secs(15);
    let equal = cameo_harness::until("all nodes at one index", within, equal).await?;
    anyhow::ensure!(
        equal,
        "nodes that applied the same entries have different states"
    );
    Ok(())
}
