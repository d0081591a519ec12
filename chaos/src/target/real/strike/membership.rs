//! A worker that joins and leaves.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cameo_common::api::{NodeStatus, paths};
use cameo_common::ids::NodeId;
use cameo_harness::until;
use tokio::time::{Instant, timeout_at};

use super::process::{end, launch};
use super::{Signs, Strike};
use crate::history::Struck;
use crate::target::real::world::World;

/// Longest wait for the cluster to name the worker, or to name it no more: other faults go on.
const WITHIN: Duration = Duration::from_secs(20);

/// Joins, works until the fault ends, and is removed.
pub(super) async fn worker(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    for id in &strike.nodes {
        match join_and_leave(strike, *id).await {
            Ok(()) => signs.add(
                true,
                format!("the cluster had worker {id}, and has it no more"),
            ),
            Err(why) => signs.add(false, format!("worker {id}: {why:#}")),
        }
    }
    signs.struck()
}

async fn join_and_leave(strike: &Strike<'_>, id: NodeId) -> anyhow::Result<()> {
    let world = strike.world;
    let cluster = address(world).await.context("no node names the cluster")?;
    let member = world.members.add(world.places.worker(id, &cluster)?);
    launch(world, &member).await;
    let joined = until("the cluster to have the worker", WITHIN, || {
        named(world, id, true)
    })
    .await;
    strike.hold().await;
    let removed = remove(world, id, &cluster).await;
    drop(end(&member, true).await);
    world.members.forget(id);
    joined?;
    removed
}

/// The cluster's address for the operator's commands: URLs for programs on this machine, and the
/// fingerprint.
async fn address(world: &Arc<World>) -> Option<String> {
    let members = world.members.all();
    let urls: Vec<_> = members.iter().map(|member| member.relay.url()).collect();
    let asked = members
        .iter()
        .map(|member| member.ask::<NodeStatus>(paths::STATUS));
    let answers = futures_util::future::join_all(asked).await;
    let cluster = answers
        .into_iter()
        .flatten()
        .find_map(|status| status.cluster)?;
    Some(format!("{}#{cluster}", urls.join(",")))
}

/// Asks until the worker is removed.
async fn remove(world: &Arc<World>, id: NodeId, cluster: &str) -> anyhow::Result<()> {
    let end = Instant::now() + WITHIN;
    let mut last = anyhow::anyhow!("not asked");
    while Instant::now() < end {
        let mut command = tokio::process::Command::new(world.places.program());
        command.args(["remove", "--id", &id.to_string(), "--cluster", cluster]);
        command.arg("--operator").arg(world.places.operator());
        let ran = command.kill_on_drop(true).output();
        match timeout_at(end, ran).await {
            Ok(Ok(ran)) if ran.status.success() => {
                until("the worker to be removed", WITHIN, || {
                    named(world, id, false)
                })
                .await?;
                return Ok(());
            }
            Ok(Ok(ran)) => {
                last =
                    anyhow::anyhow!("{}", String::from_utf8_lossy(&ran.stderr).trim().to_owned());
            }
            Ok(Err(why)) => last = why.into(),
            Err(_) => break,
        }
    }
    Err(last.context("it was not removed in time"))
}

/// Whether the leader's own list of members has the worker, or has it not.
async fn named(world: &Arc<World>, id: NodeId, wanted: bool) -> Option<()> {
    let leader = world.seen.leader()?;
    let status: NodeStatus = world.members.get(leader)?.ask(paths::STATUS).await?;
    let has = status.members.iter().any(|member| member.id == id);
    (has == wanted).then_some(())
}
