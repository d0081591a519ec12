//! Open loop at 70% load: ours and the baselines.

use std::time::Duration;

use cameo_dispatch::Policy;

use super::{KINDS, Scenarios, USERS, WORKERS};
use crate::dispatch::open_loop::{self, Pooled, RunResult};
use crate::dispatch::plan;
use crate::dispatch::testbed::{PlacementSettings, Testbed};

/// Report interval of the paper.
const PAPER_REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Baselines, with the prefixes of their figures.
const BASELINES: [(&str, Policy, Duration); 6] = [
    ("all_to_one", Policy::One, Duration::ZERO),
    ("random", Policy::Random, Duration::ZERO),
    ("round_robin", Policy::RoundRobin, Duration::ZERO),
    ("least_cpu", Policy::LeastCpu, Duration::ZERO),
    ("least_cpu_10s", Policy::LeastCpu, PAPER_REPORT_INTERVAL),
    ("two_choices", Policy::TwoChoices, Duration::ZERO),
];

impl Scenarios<'_> {
    pub(super) async fn open(&mut self) -> anyhow::Result<()> {
        let mut pooled = Pooled::default();
        for run in 0..self.sizes.open_runs {
            eprintln!("  run {}", run + 1);
            let result = self
                .open_run(PlacementSettings::OURS, self.sizes.open_jobs, run)
                .await?;
            self.count(&result);
            pooled.add(&result, &self.servers(), self.overhead);
        }
        self.compare(
            "",
            "open",
            &pooled,
            &format!("{} runs", self.sizes.open_runs),
        );
        Ok(())
    }

    async fn open_run(
        &self,
        settings: PlacementSettings,
        jobs: usize,
        run: usize,
    ) -> anyhow::Result<RunResult> {
        let testbed = Testbed::start(&WORKERS, USERS, settings).await?;
        let plan = plan::poisson(self.seed + run as u64, jobs, KINDS, self.rate());
        let result = open_loop::run(&testbed, &self.works, &plan).await?;
        testbed.stop().await?;
        Ok(result)
    }

    pub(super) async fn baselines(&mut self) -> anyhow::Result<()> {
        for (name, policy, reports_every) in BASELINES {
            eprintln!("  {name}");
            let settings = PlacementSettings {
                policy,
                reports_every,
            };
            let result = self.open_run(settings, self.sizes.baseline_jobs, 0).await?;
            let mut pooled = Pooled::default();
            pooled.add(&result, &self.servers(), self.overhead);
            self.compare(name, "open", &pooled, "1 run");
            if self.sizes.baselines_everywhere {
                self.with_neighbour(name, settings).await?;
                self.with_leader_changes(name, settings).await?;
            }
        }
        Ok(())
    }
}
