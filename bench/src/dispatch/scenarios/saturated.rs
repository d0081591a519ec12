//! Heartbeats under overload: all workers are saturated with jobs, and Raft must not be affected.
//!
//! Without quotas, the nodes share the machine, and Raft's thread has to get its CPU time by
//! priority.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Scenarios;
use crate::dispatch::testbed::{PlacementSettings, Testbed};
use crate::figure::Figure;
use crate::job_clients::{JobClients, on_own_thread};
use crate::quantile::Times;
use crate::rounding::round;
use cameo_chaos::workload::User;

/// Interval between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(50);
/// The first connections and files are not measured.
const WARM_UP: Duration = Duration::from_secs(3);
/// The idle cluster is measured for this part of the time.
const IDLE_PART: u32 = 5;

impl Scenarios<'_> {
    /// Measures writes to an idle cluster, then to a saturated one.
    pub(super) async fn saturated(&mut self) -> anyhow::Result<()> {
        let testbed = Testbed::start_without_quotas(3, 0, PlacementSettings::OURS).await?;
        let (span, url) = (self.sizes.saturated_for, testbed.leader_url()?);
        let warm = writes(url.clone(), "warm", WARM_UP);
        on_own_thread(cameo_sched::raise, warm).await?;
        let idle = on_own_thread(
            cameo_sched::raise,
            writes(url.clone(), "idle", span / IDLE_PART),
        );
        let idle = idle.await?;
        let term = term(&testbed).await?;
        let clients = JobClients::new(url.clone(), testbed.nodes.clone(), self.works.clone());
        let clients = Arc::new(clients);
        let busy = on_own_thread(cameo_sched::lower, clients.clone().keep_busy());
        let writes = on_own_thread(cameo_sched::raise, writes(url, "busy", span));
        let writes = async {
            let writes = writes.await;
            clients.end();
            writes
        };
        let (jobs, writes) = tokio::join!(busy, writes);
        let (jobs, writes) = (jobs?, writes?);
        let elections = self::term(&testbed).await? - term;
        testbed.stop().await?;
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

/// Registers users at the leader, one every [`WRITE_EVERY`]. Returns the times since their planned
/// begin.
async fn writes(url: String, prefix: &str, span: Duration) -> anyhow::Result<Times> {
    let first = User::register(&url, format!("{prefix}-writer").parse()?).await?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for n in 0..span.div_duration_f64(WRITE_EVERY) as u32 {
        let at = began + WRITE_EVERY * n;
        sleep_until(at).await;
        let (name, url) = (format!("{prefix}-{n}").parse()?, url.clone());
        let user = User::unregistered(&first)?;
        running.spawn(async move {
            user.register_device(&url, name).await?;
            anyhow::Ok(at.elapsed().as_secs_f64())
        });
    }
    let mut times = Vec::new();
    while let Some(joined) = running.join_next().await {
        times.push(joined??);
    }
    Ok(Times::of(times))
}

async fn term(testbed: &Testbed) -> anyhow::Result<u64> {
    let leader = testbed.cluster.node(testbed.leader).context("the leader")?;
    let status = leader.status().await.context("the leader answers")?;
    status["term"].as_u64().context("a term")
}
