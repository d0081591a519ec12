//! Heartbeats do not starve: every worker has more to do than it can, and Raft goes on as if it had not.
//!
//! Without quotas: the nodes share the machine, and it is Raft's own thread that has to hold its ground.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Scenes;
use crate::bench::dispatch::quantile::Times;
use crate::bench::dispatch::stage::{Placing, Stage};
use crate::bench::figure::{Figure, round};
use crate::load::{Failed, Nodes, User, Work, errand};

/// Clients in a closed loop: as many jobs as the three nodes run, and as many waiting.
const CLIENTS: usize = 6;
/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(50);
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// The idle cluster is watched for this part of the time.
const IDLE_PART: u32 = 5;

impl Scenes<'_> {
    /// Writes to an idle cluster, then to one that works on images all the while.
    pub(super) async fn saturated(&mut self) -> anyhow::Result<()> {
        let stage = Stage::start_without_quotas(3, 1, Placing::OURS).await?;
        let span = self.extent.saturated_for;
        let idle = writes(&stage, "idle", span / IDLE_PART).await?;
        let term = term(&stage).await?;
        let clients = Clients::of(&stage, &self.works)?;
        let over = clients.over.clone();
        let busy = tokio::task::spawn_blocking(|| clients.keep_busy());
        let writes = writes(&stage, "busy", span).await;
        over.store(true, Ordering::Relaxed);
        let (jobs, writes) = (busy.await??, writes?);
        let elections = self::term(&stage).await? - term;
        stage.end().await?;
        let note = format!("{} s, {jobs} jobs", span.as_secs());
        let figure = Figure::new(
            "saturated_elections",
            elections as f64,
            "elections",
            1,
            note,
        );
        self.add(figure);
        for (name, percent) in [("p50", 50.0), ("p99", 99.0)] {
            let (busy_s, idle_s) = (writes.percentile(percent), idle.percentile(percent));
            let note = format!(
                "saturated {} ms, idle {} ms",
                round(busy_s * 1e3),
                round(idle_s * 1e3)
            );
            let name = format!("saturated_write_{name}_vs_idle");
            self.add(Figure::new(name, busy_s / idle_s, "x", writes.len(), note));
        }
        Ok(())
    }
}

/// Those who bring jobs. Elsewhere they have machines of their own: so here they stand back as far as the jobs do,
/// on a thread of their own, and it is the cluster's latency that is measured, not theirs.
struct Clients {
    url: String,
    nodes: Arc<Nodes>,
    works: Vec<Arc<Work>>,
    over: Arc<AtomicBool>,
}

impl Clients {
    fn of(stage: &Stage, works: &[Arc<Work>]) -> anyhow::Result<Self> {
        Ok(Self {
            url: stage.leaders_url()?,
            nodes: stage.nodes.clone(),
            works: works.to_vec(),
            over: Arc::default(),
        })
    }

    /// Every client brings its next job as soon as it can, until it is over. How many were done.
    fn keep_busy(self) -> anyhow::Result<usize> {
        let stood_back = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(|| {
                if let Err(why) = cameo_sched::patient() {
                    eprintln!("clients compete with the cluster as equals: {why}");
                }
            })
            .enable_all()
            .build()?;
        let this = Arc::new(self);
        stood_back.block_on(async {
            let mut clients = JoinSet::new();
            for n in 0..CLIENTS {
                clients.spawn(this.clone().bring(n));
            }
            let mut done = 0;
            while let Some(joined) = clients.join_next().await {
                done += joined??;
            }
            Ok(done)
        })
    }

    async fn bring(self: Arc<Self>, client: usize) -> anyhow::Result<usize> {
        let user = User::register(&self.url, format!("busy-client-{client}").parse()?).await?;
        let mut done = 0;
        while !self.over.load(Ordering::Relaxed) {
            let work = &self.works[(client + done) % self.works.len()];
            let deadline = Instant::now() + GIVE_UP_AFTER;
            match errand(&user, &self.nodes, work, deadline).await {
                Ok(_) => done += 1,
                // Too busy for longer than a client waits: the load is what is wanted here.
                Err(Failed::Late(_)) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Ok(done)
    }
}

/// Registers one user after another at the leader; how long each took, from its planned time on.
async fn writes(stage: &Stage, prefix: &str, span: Duration) -> anyhow::Result<Times> {
    let url = stage.leaders_url()?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for n in 0..span.div_duration_f64(WRITE_EVERY) as u32 {
        let at = began + WRITE_EVERY * n;
        sleep_until(at).await;
        let (name, url) = (format!("{prefix}-{n}").parse()?, url.clone());
        let newcomer = User::unregistered(&stage.users[0]);
        running.spawn(async move {
            newcomer.introduce(&url, name).await?;
            anyhow::Ok(at.elapsed().as_secs_f64())
        });
    }
    let mut times = Vec::new();
    while let Some(joined) = running.join_next().await {
        times.push(joined??);
    }
    Ok(Times::of(times))
}

async fn term(stage: &Stage) -> anyhow::Result<u64> {
    let leader = stage.cluster.node(stage.leader).context("the leader")?;
    let status = leader.status().await.context("the leader answers")?;
    status["term"].as_u64().context("a term")
}
