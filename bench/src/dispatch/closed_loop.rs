//! Closed loop: clients that start their next job when the one before is done.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cpu_times;
use super::open_loop::{GIVE_UP_AFTER, RunResult, collect};
use super::plan::kinds;
use super::testbed::Testbed;
use cameo_chaos::workload::{JobOutcome, Work, run_job};

/// Runs `clients` clients with `each` jobs each. Fails when a job fails: a closed loop never asks
/// for more than a cluster holds.
pub async fn run(
    testbed: &Testbed,
    works: &[Arc<Work>],
    clients: usize,
    each: usize,
    seed: u64,
) -> anyhow::Result<RunResult> {
    let before = cpu_times::nodes_cpu(&testbed.cluster)?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for client in 0..clients {
        let plan = kinds(seed + client as u64, each, works.len());
        let works = works.to_vec();
        let user = testbed.users[client % testbed.users.len()].clone();
        let nodes = testbed.nodes.clone();
        running.spawn(async move {
            let mut done = Vec::with_capacity(plan.len());
            for kind in plan {
                let asked = Instant::now();
                let deadline = asked + GIVE_UP_AFTER;
                let carried = run_job(&user, &nodes, &works[kind], deadline).await?;
                done.push(JobOutcome {
                    kind,
                    asked,
                    took: asked.elapsed(),
                    end: Ok(carried),
                });
            }
            anyhow::Ok(done)
        });
    }
    let mut ended = Vec::new();
    while let Some(joined) = running.join_next().await {
        ended.extend(joined??);
    }
    let mut result = collect(testbed, ended, began)?;
    result.record_cpu(testbed, &before)?;
    Ok(result)
}
