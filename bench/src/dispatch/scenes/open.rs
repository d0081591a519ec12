//! Open loop at 70% load: ours and the baselines.

use std::time::Duration;

use cameo_dispatch::Policy;

use super::{KINDS, Scenes, USERS, WORKERS};
use crate::dispatch::open_loop::{self, Pooled, Ran};
use crate::dispatch::plan;
use crate::dispatch::stage::{Placing, Stage};

/// Report interval of the paper.
const PAPERS_REPORTS: Duration = Duration::from_secs(10);

/// Baselines, with the prefixes of their figures.
const BASELINES: [(&str, Policy, Duration); 6] = [
    ("all_to_one", Policy::One, Duration::ZERO),
    ("random", Policy::Random, Duration::ZERO),
    ("round_robin", Policy::RoundRobin, Duration::ZERO),
    ("least_cpu", Policy::LeastCpu, Duration::ZERO),
    ("least_cpu_10s", Policy::LeastCpu, PAPERS_REPORTS),
    ("two_choices", Policy::TwoChoices, Duration::ZERO),
];

impl Scenes<'_> {
    pub(super) async fn open(&mut self) -> anyhow::Result<()> {
        let mut pooled = Pooled::default();
        for run in 0..self.extent.open_runs {
            eprintln!("  run {}", run + 1);
            let ran = self
                .open_run(Placing::OURS, self.extent.open_jobs, run)
                .await?;
            self.count(&ran);
            pooled.add(&ran, &self.servers(), self.overhead);
        }
        self.compare(
            "",
            "open",
            &pooled,
            &format!("{} runs", self.extent.open_runs),
        );
        Ok(())
    }

    async fn open_run(&self, placing: Placing, jobs: usize, run: usize) -> anyhow::Result<Ran> {
        let stage = Stage::start(&WORKERS, USERS, placing).await?;
        let plan = plan::poisson(self.seed + run as u64, jobs, KINDS, self.rate());
        let ran = open_loop::run(&stage, &self.works, &plan).await?;
        stage.end().await?;
        Ok(ran)
    }

    pub(super) async fn baselines(&mut self) -> anyhow::Result<()> {
        for (name, policy, reports_every) in BASELINES {
            eprintln!("  {name}");
            let placing = Placing {
                policy,
                reports_every,
            };
            let ran = self.open_run(placing, self.extent.baseline_jobs, 0).await?;
            let mut pooled = Pooled::default();
            pooled.add(&ran, &self.servers(), self.overhead);
            self.compare(name, "open", &pooled, "1 run");
            if self.extent.baselines_everywhere {
                self.with_neighbour(name, placing).await?;
                self.with_leader_changes(name, placing).await?;
            }
        }
        Ok(())
    }
}
