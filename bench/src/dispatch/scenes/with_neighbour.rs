//! A hidden neighbour that uses most of one worker's quota for a third of the time.

use std::time::Duration;

use tokio::time::Instant;

use super::{KINDS, Scenes, USERS, WORKERS};
use crate::dispatch::neighbour::{BUSY, EVERY, Neighbour};
use crate::dispatch::open_loop::{self, Pooled};
use crate::dispatch::plan;
use crate::dispatch::stage::{Placing, Stage};

/// Index of the affected worker.
const HIT: usize = 1;

impl Scenes<'_> {
    pub(super) async fn with_neighbour(
        &mut self,
        baseline: &str,
        placing: Placing,
    ) -> anyhow::Result<()> {
        let stage = Stage::start(&WORKERS, USERS, placing).await?;
        let plan = plan::poisson(self.seed, self.extent.open_jobs, KINDS, self.rate());
        let hit = stage
            .quotas
            .iter()
            .find(|(_, quota)| **quota == WORKERS[HIT]);
        let hit = hit.map_or(0, |(node, _)| *node);
        let folder = tempfile::tempdir()?;
        let neighbour =
            Neighbour::move_in(stage.group(hit)?, stage.core_of(hit)?, folder.path()).await?;
        let began = Instant::now();
        let until = began + plan.last().map_or(Duration::ZERO, |arrival| arrival.at);
        let (ran, busy) = tokio::join!(
            open_loop::run(&stage, &self.works, &plan),
            neighbour.come_and_go(began, until)
        );
        let (ran, busy) = (ran?, busy?);
        neighbour.move_out().await?;
        stage.end().await?;
        if placing == Placing::OURS {
            self.count(&ran);
        }
        let mut servers = self.servers();
        servers[HIT].neighbour = busy;
        let mut pooled = Pooled::default();
        pooled.add(&ran, &servers, self.overhead);
        let note = format!(
            "a neighbour uses 70% of a worker of .3 core for {} of every {} s",
            BUSY.as_secs(),
            EVERY.as_secs()
        );
        self.compare(baseline, "antagonist", &pooled, &note);
        Ok(())
    }
}
