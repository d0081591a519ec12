//! Image jobs while workers are killed, stopped and paused at random.
//!
//! Each job has to end, within its bound, with the correct PNG or with a failure that its client
//! sees (law J1). When all faults are healed, every queue is empty (J4). Beside the jobs, people
//! share photos end to end: each photo arrives, opens as often as permitted, and is charged once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_common::ids::{NodeId, whole_millis};
use cameo_harness::{Binaries, Cluster, Person, until};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::kill::{agreed, heal, inject};
use crate::schedule::Fault;
use crate::workload::{Arrival, JobFailed, JobOutcome, Nodes, OpenLoop, User, Work};

/// A job ends within this time under all faults.
pub const BOUND: Duration = Duration::from_secs(30);
/// Tolerance for the measurement of the bound.
const GRACE: Duration = Duration::from_secs(2);
const USERS: usize = 4;
/// Mean rate of jobs.
const PER_SECOND: f64 = 8.0;
/// Payloads of the jobs, in bytes.
const SIZES: [usize; 4] = [50_000, 200_000, 800_000, 2_000_000];
/// Milliseconds that a fault lasts, and milliseconds between two faults.
const LASTS: std::ops::Range<u64> = 200..2_500;
const BETWEEN: std::ops::Range<u64> = 100..1_000;
/// One worker at a time has a fault and the others continue, so at least 9 of 10 jobs are done.
const MIN_DONE: (usize, usize) = (9, 10);
/// Longest time until all queues are empty.
const DRAINS_WITHIN: Duration = Duration::from_secs(30);

/// The result of a run.
#[derive(Debug, serde::Serialize)]
pub struct Summary {
    pub schema: u32,
    pub seed: u64,
    pub jobs: usize,
    pub done: usize,
    /// Done by another worker after the first was lost.
    pub done_after_a_loss: usize,
    /// Ended with a failure that the client saw.
    pub failed: usize,
    pub longest_ms: u64,
    pub faults: usize,
    /// Photos that people shared in the meantime.
    pub photos: usize,
}

/// The size of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunSize {
    pub nodes: u64,
    pub jobs: usize,
    pub photos: usize,
    pub seed: u64,
}

/// Runs jobs, sharing and faults.
///
/// # Errors
/// When a promise does not hold.
pub async fn run(folder: &Path, photo: &Path, size: RunSize) -> anyhow::Result<Summary> {
    let binaries = Binaries::build()?;
    let mut cluster = Cluster::start(&binaries, folder, size.nodes).await?;
    cluster.leader().await?;
    let people = People::register(&binaries, folder, &cluster, photo).await?;
    let (load, plan) = load(&cluster, size).await?;
    let over = Arc::new(AtomicBool::new(false));

    let (ended, photos, faults) = {
        let work = async {
            let jobs = load.run(&plan, Instant::now(), BOUND);
            let both = tokio::join!(jobs, people.share(size.photos));
            over.store(true, Ordering::Relaxed);
            both
        };
        let faults = faults(&mut cluster, size.seed, over.clone());
        let ((ended, photos), faults) = tokio::join!(work, faults);
        (ended?, photos?, faults?)
    };
    agreed(&cluster).await?;
    until("empty queues", DRAINS_WITHIN, || drained(&cluster)).await?;
    let summary = judge(&load, ended, size, faults, photos)?;
    for node in &mut cluster.nodes {
        node.stop().await?;
    }
    Ok(summary)
}

/// Ada, the owner, and Ben, the viewer.
struct People {
    ada: Person,
    ben: Person,
    photo: String,
}

impl People {
    async fn register(
        binaries: &Binaries,
        folder: &Path,
        cluster: &Cluster,
        photo: &Path,
    ) -> anyhow::Result<Self> {
        let mut people = [
            Person::new(binaries, folder, "ada")?,
            Person::new(binaries, folder, "ben")?,
        ];
        for person in &mut people {
            let name = person.name.clone();
            person
                .ok(&["init", &name, "--cluster", &cluster.urls()])
                .await?;
            person.start_agent().await?;
        }
        let [ada, ben] = people;
        let photo = photo.display().to_string();
        Ok(Self { ada, ben, photo })
    }

    /// Shares this many photos, one after another; each opens twice, and not three times.
    async fn share(&self, photos: usize) -> anyhow::Result<usize> {
        for n in 0..photos {
            self.share_one()
                .await
                .with_context(|| format!("photo {}", n + 1))?;
        }
        Ok(photos)
    }

    async fn share_one(&self) -> anyhow::Result<()> {
        let add = ["add", &self.photo, "--policy", "open", "--views", "2"];
        let added = self.ada.ok(&add).await?;
        let image = added["images"][0]["image"].as_str().context("an image")?;
        let arrived = self.ben.ok(&["request", "ada", image]).await?;
        let grant = arrived["grant"].as_str().context("a grant")?;
        for used in 1..=2u64 {
            let viewed = self.ben.ok(&["view", grant, "--yes"]).await?;
            ensure!(viewed["used"] == used, "charged once a view: {viewed}");
        }
        let third = self.ben.run(&["view", grant, "--yes"]).await?;
        ensure!(third.code == 5, "the third view is refused: {third:?}");
        Ok(())
    }
}

/// Users and inputs, and the planned start of each job.
async fn load(cluster: &Cluster, size: RunSize) -> anyhow::Result<(OpenLoop, Vec<Arrival>)> {
    let urls = cluster
        .nodes
        .iter()
        .map(|node| format!("https://{}", node.http));
    let urls: Vec<String> = urls.collect();
    let mut users = Vec::new();
    for n in 0..USERS {
        let name = format!("client-{n}").parse()?;
        users.push(Arc::new(User::register(&urls[0], name).await?));
    }
    let works = SIZES
        .iter()
        .map(|bytes| Ok(Arc::new(Work::of_payload(*bytes, size.seed)?)));
    let mut rng = StdRng::seed_from_u64(size.seed);
    let mut at = 0.0;
    let plan = (0..size.jobs).map(|_| {
        at += rng.random_range(0.0..2.0 / PER_SECOND);
        Arrival {
            at: Duration::from_secs_f64(at),
            kind: rng.random_range(0..SIZES.len()),
        }
    });
    let load = OpenLoop {
        users,
        nodes: Arc::new(Nodes::new(urls)),
        works: works.collect::<anyhow::Result<_>>()?,
    };
    Ok((load, plan.collect()))
}

/// Injects faults into one worker after another until the jobs have ended.
async fn faults(cluster: &mut Cluster, seed: u64, over: Arc<AtomicBool>) -> anyhow::Result<usize> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x00fa_0175);
    let mut faults = 0;
    while !over.load(Ordering::Relaxed) {
        let leader = cluster.leader().await?;
        let workers = cluster.nodes.iter().map(|node| node.id);
        let workers: Vec<NodeId> = workers.filter(|id| *id != leader).collect();
        let target = workers[rng.random_range(0..workers.len())];
        let fault = match rng.random_range(0..3) {
            0 => Fault::Kill,
            1 => Fault::Stop,
            _ => Fault::Pause,
        };
        eprintln!("fault {}: {fault:?} node {target}", faults + 1);
        inject(cluster, target, fault).await?;
        sleep(Duration::from_millis(rng.random_range(LASTS))).await;
        heal(cluster, target, fault).await?;
        faults += 1;
        sleep(Duration::from_millis(rng.random_range(BETWEEN))).await;
    }
    Ok(faults)
}

/// No node has a job that is accepted and not ended, or memory for one (law J4).
async fn drained(cluster: &Cluster) -> Option<()> {
    let leader = cluster.leader().await.ok()?;
    let status = cluster.node(leader)?.status().await?;
    let members = status["members"].as_array()?;
    let idle = |member: &Value| {
        let load = &member["load"];
        let counts = ["running", "queued", "incoming", "backlog_cpu_ms"];
        counts.iter().all(|count| load[count] == 0) && load["full"] == false
    };
    if members.len() != cluster.nodes.len() || !members.iter().all(idle) {
        return None;
    }
    for node in &cluster.nodes {
        let memory = &node.status().await?["job_memory"];
        if memory["inputs"] != 0 || memory["pictures"] != 0 {
            return None;
        }
    }
    Some(())
}

fn judge(
    load: &OpenLoop,
    ended: Vec<JobOutcome>,
    size: RunSize,
    faults: usize,
    photos: usize,
) -> anyhow::Result<Summary> {
    ensure!(
        ended.len() == size.jobs,
        "law J1: {} jobs were lost",
        size.jobs - ended.len()
    );
    let mut summary = Summary {
        schema: 1,
        seed: size.seed,
        jobs: size.jobs,
        done: 0,
        done_after_a_loss: 0,
        failed: 0,
        longest_ms: 0,
        faults,
        photos,
    };
    for outcome in ended {
        let JobOutcome {
            kind, took, end, ..
        } = outcome;
        ensure!(took <= BOUND + GRACE, "law J1: a job took {took:?}");
        summary.longest_ms = summary.longest_ms.max(whole_millis(took));
        match end {
            Ok(carried) => {
                let good = load.works[kind].is_done_by(&carried.png);
                ensure!(good, "law J1: node {} gave a wrong PNG", carried.worker);
                summary.done += 1;
                summary.done_after_a_loss += usize::from(!carried.lost_on.is_empty());
            }
            Err(JobFailed::Refused(why)) => {
                anyhow::bail!("a valid job was refused permanently: {why}")
            }
            Err(why) => {
                eprintln!("failed, visible to its client: {why}");
                summary.failed += 1;
            }
        }
    }
    let (done, all) = (summary.done, summary.jobs);
    ensure!(
        done * MIN_DONE.1 >= all * MIN_DONE.0,
        "law J1: of {all} jobs only {done} were done"
    );
    Ok(summary)
}
