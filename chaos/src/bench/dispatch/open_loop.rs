//! Jobs that come when they come, whether the ones before are done or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::measured;
use super::oracle::{self, Job, Server};
use super::plan::Arrival;
use super::quantile::Times;
use super::stage::Stage;
use crate::load::{Carried, Failed, Nodes, User, Work, errand};

/// A job that is not done by then has failed. Rivals' queues grow long.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(180);

/// One job of a run.
#[derive(Debug, Clone)]
pub struct Done {
    /// Since the run's beginning. Seconds.
    pub arrives: f64,
    /// From the planned arrival to the last byte of the PNG. Seconds.
    pub took: f64,
    pub cpu: f64,
    pub worker: u64,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub done: Vec<Done>,
    pub failed: Vec<Failed>,
    /// The workers as they were: quota in cores less what the node used for itself.
    pub servers: BTreeMap<u64, Server>,
    /// From the first arrival to the last end. Seconds.
    pub span: f64,
    /// Jobs that the leader did itself.
    pub by_leader: usize,
}

/// Brings the jobs of a plan.
///
/// # Errors
/// When a node's figures are missing.
pub async fn run(stage: &Stage, works: &[Arc<Work>], plan: &[Arrival]) -> anyhow::Result<Ran> {
    let before = measured::nodes_cpu(&stage.cluster);
    let began = Instant::now();
    let load = Load::of(stage, works);
    let ended = bring(&load, plan, began).await?;
    let span = began.elapsed().as_secs_f64();
    let after = measured::nodes_cpu(&stage.cluster);
    let mut ran = collect(stage, plan, ended, began, span)?;
    ran.servers = servers(stage, &ran.done, &before, &after, span);
    Ok(ran)
}

type Ended = (usize, Result<Carried, Failed>);

/// Who brings what to whom.
#[derive(Debug, Clone)]
pub struct Load {
    users: Vec<Arc<User>>,
    nodes: Arc<Nodes>,
    works: Vec<Arc<Work>>,
}

impl Load {
    #[must_use]
    pub fn of(stage: &Stage, works: &[Arc<Work>]) -> Self {
        Self {
            users: stage.users.clone(),
            nodes: stage.nodes.clone(),
            works: works.to_vec(),
        }
    }
}

/// Starts each job at its time, and waits for all of them. In the order of the plan.
///
/// # Errors
/// When what comes back is no PNG.
pub async fn bring(load: &Load, plan: &[Arrival], began: Instant) -> anyhow::Result<Vec<Ended>> {
    let mut running = JoinSet::new();
    for (at, arrival) in plan.iter().enumerate() {
        sleep_until(began + arrival.at).await;
        let user = load.users[at % load.users.len()].clone();
        let (nodes, work) = (load.nodes.clone(), load.works[arrival.kind].clone());
        let deadline = began + arrival.at + GIVE_UP_AFTER;
        running.spawn(async move {
            let done = errand(&user, &nodes, &work, deadline).await;
            let good = done.as_ref().map_or(Ok(()), |done| {
                ensure!(done.png.starts_with(b"\x89PNG"), "what came is no PNG");
                Ok(())
            });
            (at, done, good)
        });
    }
    let mut ended = Vec::with_capacity(plan.len());
    while let Some(joined) = running.join_next().await {
        let (at, done, good) = joined?;
        good?;
        ended.push((at, done));
    }
    ended.sort_by_key(|(at, _)| *at);
    Ok(ended)
}

/// What came of a plan, with the CPU time of each job out of the logs.
///
/// # Errors
/// When a job that was done is in no log.
pub fn collect(
    stage: &Stage,
    plan: &[Arrival],
    ended: Vec<Ended>,
    began: Instant,
    span: f64,
) -> anyhow::Result<Ran> {
    let cpu = measured::jobs_cpu(&stage.cluster);
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (at, end) in ended {
        match end {
            Ok(carried) => {
                let planned = plan[at].at;
                let cpu = cpu.get(&carried.job.to_string());
                done.push(Done {
                    arrives: planned.as_secs_f64(),
                    took: (carried.ended - (began + planned)).as_secs_f64(),
                    cpu: *cpu.context("each job that was done is in a node's log")?,
                    worker: carried.worker,
                });
            }
            Err(why) => failed.push(why),
        }
    }
    Ok(Ran {
        by_leader: done.iter().filter(|job| job.worker == stage.leader).count(),
        done,
        failed,
        servers: BTreeMap::new(),
        span,
    })
}

/// What the workers had for jobs, and nobody beside them.
pub fn servers(
    stage: &Stage,
    done: &[Done],
    before: &BTreeMap<u64, Duration>,
    after: &BTreeMap<u64, Duration>,
    span: f64,
) -> BTreeMap<u64, Server> {
    let server = |(node, quota): (&u64, &u32)| {
        let jobs: f64 = done
            .iter()
            .filter(|job| job.worker == *node)
            .map(|job| job.cpu)
            .sum();
        let used = after
            .get(node)?
            .saturating_sub(*before.get(node)?)
            .as_secs_f64();
        let own = ((used - jobs) / span).max(0.0);
        let cores = f64::from(*quota) / 1000.0 - own;
        Some((
            *node,
            Server {
                cores,
                neighbour: Vec::new(),
            },
        ))
    };
    stage.quotas.iter().filter_map(server).collect()
}

impl Ran {
    /// How long each job took.
    #[must_use]
    pub fn times(&self) -> Vec<f64> {
        self.done.iter().map(|job| job.took).collect()
    }

    /// How long the oracle would have taken for the same jobs.
    #[must_use]
    pub fn oracles_times(&self) -> Vec<f64> {
        let jobs: Vec<Job> = self.done.iter().map(Job::from).collect();
        let servers: Vec<Server> = self.servers.values().cloned().collect();
        oracle::latencies(&servers, &jobs)
    }

    /// CPU seconds of all jobs.
    #[must_use]
    pub fn work(&self) -> f64 {
        self.done.iter().map(|job| job.cpu).sum()
    }
}

impl From<&Done> for Job {
    fn from(done: &Done) -> Self {
        Job {
            arrives: done.arrives,
            cpu: done.cpu,
        }
    }
}

/// Runs of one policy, put together, beside the oracle's.
#[derive(Debug, Default)]
pub struct Pooled {
    ours: Vec<f64>,
    oracles: Vec<f64>,
    pub failed: usize,
}

impl Pooled {
    pub fn add(&mut self, ran: &Ran) {
        self.add_times(ran.times(), ran.oracles_times());
        self.failed += ran.failed.len();
    }

    pub fn add_times(&mut self, ours: Vec<f64>, oracles: Vec<f64>) {
        self.ours.extend(ours);
        self.oracles.extend(oracles);
    }

    #[must_use]
    pub fn ours(&self) -> Times {
        Times::of(self.ours.clone())
    }

    #[must_use]
    pub fn oracles(&self) -> Times {
        Times::of(self.oracles.clone())
    }
}
