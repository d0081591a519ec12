//! Case "node-killed": the leader is killed during a request. The request is served, nothing
//! acknowledged is lost, and the node catches up when it returns.

use std::time::Instant;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use tokio::process::Child;

use super::{CaseFuture, CaseNodes, number, opens, text};
use crate::reporter::Reporter;
use crate::setup::Setup;

pub fn node_killed<'a>(setup: &'a mut Setup, reporter: &'a mut Reporter) -> CaseFuture<'a> {
    Box::pin(run(setup, reporter))
}

async fn run(setup: &mut Setup, reporter: &mut Reporter) -> anyhow::Result<CaseNodes> {
    let photo = setup.photo.display().to_string();
    let added = setup
        .ada
        .ok(&[
            "add", &photo, "--policy", "open", "--views", "2", "--title", "again",
        ])
        .await?;
    let image = text(&added["images"][0], "image")?;
    let before = setup.jobs_finished().await;
    let leader = setup.cluster.leader().await?;

    let (request, killed) = kill_during_request(setup, &image, leader).await?;
    reporter.step(&format!(
        "ben requests another photo; node {leader}, the leader, is killed meanwhile (SIGKILL)"
    ));
    let grant = finish(request).await?;
    let next = setup.cluster.leader().await?;
    anyhow::ensure!(next != leader, "the killed node is reported as leader");
    let worker = setup.worker_since(&before).await;
    reporter.step(&format!(
        "served {:.2} s after the kill: node {next} leads now, node {} ran the job",
        killed.elapsed().as_secs_f64(),
        worker.map_or_else(|| "?".to_owned(), |id| id.to_string())
    ));

    opens(setup, &setup.ben, &grant).await?;
    let row = setup.ledger(&setup.grant).await?;
    anyhow::ensure!(
        number(&row, "used")? == 5 && number(&row, "permitted")? == 8,
        "the ledger has lost views: {row}"
    );
    reporter.step("ben opens the new photo; the ledger still has every view of the old one");
    restart(setup, reporter, leader).await?;
    Ok(CaseNodes {
        leader: Some(next),
        worker,
    })
}

/// Starts a request of `image` and kills the leader meanwhile. Returns the request and the time of
/// the kill.
async fn kill_during_request(
    setup: &mut Setup,
    image: &str,
    leader: NodeId,
) -> anyhow::Result<(Child, Instant)> {
    let mut request = setup.ben.command(&["request", "ada", image, "--json"]);
    let mut request = request
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    setup
        .cluster
        .node_mut(leader)
        .context("the leader is one of the nodes")?
        .kill()
        .await?;
    let killed = Instant::now();
    anyhow::ensure!(
        request.try_wait()?.is_none(),
        "the request ended before the leader was killed"
    );
    Ok((request, killed))
}

/// Waits for the end of a request. Returns the grant.
async fn finish(request: Child) -> anyhow::Result<String> {
    let asked = request.wait_with_output().await?;
    anyhow::ensure!(
        asked.status.success(),
        "the request ended with {}: {}{}",
        asked.status,
        String::from_utf8_lossy(&asked.stdout),
        String::from_utf8_lossy(&asked.stderr)
    );
    let arrived: serde_json::Value = serde_json::from_slice(&asked.stdout)?;
    text(&arrived, "grant")
}

/// Restarts the killed node, and compares the state of all nodes.
async fn restart(setup: &mut Setup, reporter: &Reporter, node: NodeId) -> anyhow::Result<()> {
    setup
        .cluster
        .node_mut(node)
        .context("the leader is one of the nodes")?
        .start()
        .await?;
    let applied = setup.cluster.caught_up().await?;
    same_state(setup).await?;
    reporter.step(&format!(
        "node {node} is back and has caught up: {applied} entries, the same state on every node"
    ));
    Ok(())
}

/// Checks that all nodes have the same state at the same index.
async fn same_state(setup: &Setup) -> anyhow::Result<()> {
    let equal = async || {
        let mut states = Vec::new();
        for node in &setup.cluster.nodes {
            let hash = node.get("/v1/state-hash").await?;
            states.push((hash["applied"].as_u64()?, hash["hash"].as_str()?.to_owned()));
        }
        // Comparable only at one index: entries may be applied between the calls.
        let same_index = states.windows(2).all(|pair| pair[0].0 == pair[1].0);
        same_index.then(|| states.windows(2).all(|pair| pair[0].1 == pair[1].1))
    };
    let within = std::time::Duration::from_secs(15);
    let equal = cameo_harness::until("all nodes at one index", within, equal).await?;
    anyhow::ensure!(
        equal,
        "nodes that applied the same entries have different states"
    );
    Ok(())
}
