//! Placement soon after leader changes: the leader is killed repeatedly.

use std::time::Duration;

use tokio::time::Instant;

use super::{KINDS, Scenarios, USERS, WORKERS};
use crate::dispatch::open_loop::{self, GIVE_UP_AFTER, Pooled};
use crate::dispatch::plan;
use crate::dispatch::testbed::{PlacementSettings, Testbed};

/// Interval between two leader changes.
const LEADS_FOR: Duration = Duration::from_secs(12);
/// Jobs that arrive sooner after a change are not counted. Seconds.
const SETTLED: f64 = 3.0;

impl Scenarios<'_> {
    /// Kills the leader repeatedly. Jobs count from [`SETTLED`] seconds after the next leader's
    /// election.
    pub(super) async fn with_leader_changes(
        &mut self,
        baseline: &str,
        settings: PlacementSettings,
    ) -> anyhow::Result<()> {
        let mut testbed = Testbed::start(&WORKERS, USERS, settings).await?;
        let changes = self.sizes.leader_changes as u32;
        let span = LEADS_FOR * (changes + 1);
        let jobs = (self.rate() * span.as_secs_f64()) as usize;
        let plan = plan::poisson(self.seed, jobs, KINDS, self.rate());
        let load = open_loop::load(&testbed, &self.works);
        let began = Instant::now();
        let change = async {
            let mut led = Vec::new();
            for n in 1..=changes {
                tokio::time::sleep_until(began + LEADS_FOR * n).await;
                testbed.change_leader().await?;
                led.push(began.elapsed().as_secs_f64());
            }
            anyhow::Ok(led)
        };
        let (ended, led) = tokio::join!(load.run(&plan, began, GIVE_UP_AFTER), change);
        let (ended, led) = (ended?, led?);
        let result = open_loop::collect(&testbed, ended, began)?;
        testbed.stop().await?;
        if settings == PlacementSettings::OURS {
            self.count(&result);
        }
        let mut pooled = Pooled::default();
        let settled = |arrives: f64| {
            let last = led.iter().rfind(|at| **at <= arrives);
            last.is_some_and(|at| {
                let next = LEADS_FOR.as_secs_f64() * ((at / LEADS_FOR.as_secs_f64()).floor() + 1.0);
                (at + SETTLED..next).contains(&arrives)
            })
        };
        let counted = |times: Vec<f64>| {
            let jobs = result.done.iter().zip(times);
            jobs.filter(|(job, _)| settled(job.arrives))
                .map(|(_, took)| took)
                .collect()
        };
        let oracle_latencies = result.oracle_times(&self.servers(), self.overhead);
        pooled.add_times(counted(result.times()), counted(oracle_latencies));
        pooled.failed = result.failed.len();
        let note = format!(
            "{changes} leaders killed, one every {} s; jobs from {SETTLED} s after the next one \
             leads; the oracle loses no worker",
            LEADS_FOR.as_secs()
        );
        self.compare(baseline, "leader_change", &pooled, &note);
        Ok(())
    }
}
