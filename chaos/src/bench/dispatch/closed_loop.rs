//! Clients that bring their next job when the one before is done.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::measured;
use super::open_loop::{Done, GIVE_UP_AFTER, Ran, servers};
use super::plan::kinds;
use super::stage::Stage;
use crate::load::{Work, errand};

/// `clients` clients with `each` jobs each.
///
/// # Errors
/// When a job is not done: a closed loop never asks for more than a cluster holds.
pub async fn run(
    stage: &Stage,
    works: &[Arc<Work>],
    clients: usize,
    each: usize,
    seed: u64,
) -> anyhow::Result<Ran> {
    let before = measured::nodes_cpu(&stage.cluster);
    let began = Instant::now();
    let mut running = JoinSet::new();
    for client in 0..clients {
        let plan = kinds(seed + client as u64, each, works.len());
        let works: Vec<Arc<Work>> = plan.iter().map(|kind| works[*kind].clone()).collect();
        let user = stage.users[client % stage.users.len()].clone();
        let nodes = stage.nodes.clone();
        running.spawn(async move {
            let mut done = Vec::with_capacity(works.len());
            for work in works {
                let asked = Instant::now();
                let carried = errand(&user, &nodes, &work, asked + GIVE_UP_AFTER).await?;
                done.push((asked, carried));
            }
            anyhow::Ok(done)
        });
    }
    let mut carried = Vec::new();
    while let Some(joined) = running.join_next().await {
        carried.extend(joined??);
    }
    let span = began.elapsed();
    let after = measured::nodes_cpu(&stage.cluster);
    carried.sort_by_key(|(asked, _)| *asked);
    let cpu = measured::jobs_cpu(&stage.cluster);
    let done = carried.into_iter().map(|(asked, carried)| {
        let cpu = cpu.get(&carried.job.to_string());
        Ok(Done {
            arrives: (asked - began).as_secs_f64(),
            took: (carried.ended - asked).as_secs_f64(),
            cpu: *cpu.context("each job that was done is in a node's log")?,
            worker: carried.worker,
        })
    });
    let done: Vec<Done> = done.collect::<anyhow::Result<_>>()?;
    let span = Duration::as_secs_f64(&span);
    Ok(Ran {
        servers: servers(stage, &done, &before, &after, span),
        by_leader: done.iter().filter(|job| job.worker == stage.leader).count(),
        done,
        failed: Vec::new(),
        span,
    })
}
