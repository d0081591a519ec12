//! Open loop: jobs arrive as planned, whether earlier ones are done or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_common::ids::NodeId;
use tokio::time::Instant;

use super::cpu_times;
use super::oracle::{self, Job, Server};
use super::overhead::Overhead;
use super::testbed::Testbed;
use crate::quantile::Times;
use cameo_chaos::workload::{Arrival, JobFailed, JobOutcome, OpenLoop, Work};

/// A job that takes longer has failed. Queues of baselines grow long.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(180);

/// A completed job of a run.
#[derive(Debug, Clone)]
pub struct CompletedJob {
    /// Arrival since the run's beginning, in seconds.
    pub arrives: f64,
    /// From the planned arrival to the last byte of the PNG, in seconds.
    pub took: f64,
    /// CPU seconds of the image.
    pub cpu: f64,
    /// Bytes uploaded and downloaded.
    pub bytes: usize,
}

/// Result of a run.
#[derive(Debug)]
pub struct RunResult {
    pub done: Vec<CompletedJob>,
    pub failed: Vec<JobFailed>,
    /// CPU seconds of each worker in total; empty where workers were restarted.
    pub used: BTreeMap<NodeId, f64>,
    /// From the first arrival to the last end, in seconds.
    pub span: f64,
    /// Jobs that the leader ran itself.
    pub by_leader: usize,
}

/// Runs the jobs of a plan. Fails when a node's CPU time is missing.
pub async fn run(
    testbed: &Testbed,
    works: &[Arc<Work>],
    plan: &[Arrival],
) -> anyhow::Result<RunResult> {
    let before = cpu_times::nodes_cpu(&testbed.cluster)?;
    let began = Instant::now();
    let ended = load(testbed, works).run(plan, began, GIVE_UP_AFTER).await?;
    let mut result = collect(testbed, ended, began)?;
    result.record_cpu(testbed, &before)?;
    Ok(result)
}

/// The load generator for these kinds of jobs, with the users of the test bed.
#[must_use]
pub fn load(testbed: &Testbed, works: &[Arc<Work>]) -> OpenLoop {
    OpenLoop {
        users: testbed.users.clone(),
        nodes: testbed.nodes.clone(),
        works: works.to_vec(),
    }
}

/// Evaluates jobs, in the order of their arrivals, with the CPU time of each from the logs. Fails
/// when a completed job is in no log, or gave no PNG.
pub fn collect(
    testbed: &Testbed,
    mut ended: Vec<JobOutcome>,
    began: Instant,
) -> anyhow::Result<RunResult> {
    let span = began.elapsed().as_secs_f64();
    ended.sort_by_key(|outcome| outcome.asked);
    let cpu = cpu_times::jobs_cpu(&testbed.cluster);
    let (mut done, mut failed, mut by_leader) = (Vec::new(), Vec::new(), 0);
    for JobOutcome { asked, end, .. } in ended {
        match end {
            Ok(carried) => {
                let good = carried.png.starts_with(b"\x89PNG");
                ensure!(good, "the result of node {} is no PNG", carried.worker);
                by_leader += usize::from(carried.worker == carried.leader);
                let cpu = cpu.get(&carried.job.to_string());
                done.push(CompletedJob {
                    arrives: (asked - began).as_secs_f64(),
                    took: (carried.ended - asked).as_secs_f64(),
                    cpu: *cpu.context("each completed job is in a node's log")?,
                    bytes: carried.bytes,
                });
            }
            Err(why) => failed.push(why),
        }
    }
    Ok(RunResult {
        by_leader,
        done,
        failed,
        used: BTreeMap::new(),
        span,
    })
}

impl RunResult {
    /// Records the CPU time that the workers have used since `before`. Called when all jobs have
    /// ended.
    pub fn record_cpu(
        &mut self,
        testbed: &Testbed,
        before: &BTreeMap<NodeId, Duration>,
    ) -> anyhow::Result<()> {
        let after = cpu_times::nodes_cpu(&testbed.cluster)?;
        for node in testbed.quotas.keys() {
            let (Some(before), Some(after)) = (before.get(node), after.get(node)) else {
                anyhow::bail!("node {node} did not run all the time");
            };
            let used = after.saturating_sub(*before).as_secs_f64();
            self.used.insert(*node, used);
        }
        Ok(())
    }

    /// Latency of each job, in seconds.
    #[must_use]
    pub fn times(&self) -> Vec<f64> {
        self.done.iter().map(|job| job.took).collect()
    }

    /// Latencies of an oracle with these workers for the same jobs, in seconds.
    #[must_use]
    pub fn oracle_times(&self, servers: &[Server], overhead: Overhead) -> Vec<f64> {
        let job = |done: &CompletedJob| Job {
            arrives: done.arrives,
            cpu: done.work(overhead),
        };
        let jobs: Vec<Job> = self.done.iter().map(job).collect();
        oracle::latencies(servers, &jobs)
    }

    /// CPU seconds of all images.
    #[must_use]
    pub fn images_cpu(&self) -> f64 {
        self.done.iter().map(|job| job.cpu).sum()
    }

    /// CPU seconds of all jobs.
    #[must_use]
    pub fn work(&self, overhead: Overhead) -> f64 {
        self.done.iter().map(|job| job.work(overhead)).sum()
    }
}

impl CompletedJob {
    /// CPU seconds of its image and its transfers.
    fn work(&self, overhead: Overhead) -> f64 {
        self.cpu + self.bytes as f64 * overhead.per_byte
    }
}

/// Latencies of several runs of one policy, and those of the oracle.
#[derive(Debug, Default)]
pub struct Pooled {
    ours: Vec<f64>,
    oracle_latencies: Vec<f64>,
    pub failed: usize,
}

impl Pooled {
    pub fn add(&mut self, result: &RunResult, servers: &[Server], overhead: Overhead) {
        self.add_times(result.times(), result.oracle_times(servers, overhead));
        self.failed += result.failed.len();
    }

    pub fn add_times(&mut self, ours: Vec<f64>, oracle_latencies: Vec<f64>) {
        self.ours.extend(ours);
        self.oracle_latencies.extend(oracle_latencies);
    }

    #[must_use]
    pub fn ours(&self) -> Times {
        Times::of(self.ours.clone())
    }

    #[must_use]
    pub fn oracle_latencies(&self) -> Times {
        Times::of(self.oracle_latencies.clone())
    }
}
