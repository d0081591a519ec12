//! A hidden neighbour that uses most of one worker's quota for a third of the time.

use std::time::Duration;

use tokio::time::Instant;

use super::{KINDS, Scenarios, USERS, WORKERS};
use crate::dispatch::neighbour::{BUSY, Neighbour, PERIOD};
use crate::dispatch::open_loop::{self, Pooled};
use crate::dispatch::plan;
use crate::dispatch::testbed::{PlacementSettings, Testbed};

/// Index of the affected worker.
const HIT: usize = 1;

impl Scenarios<'_> {
    pub(super) async fn with_neighbour(
        &mut self,
        baseline: &str,
        settings: PlacementSettings,
    ) -> anyhow::Result<()> {
        let testbed = Testbed::start(&WORKERS, USERS, settings).await?;
        let plan = plan::poisson(self.seed, self.sizes.open_jobs, KINDS, self.rate());
        let hit = testbed
            .quotas
            .iter()
            .find(|(_, quota)| **quota == WORKERS[HIT]);
        let hit = hit.map(|(node, _)| *node).unwrap_or_default();
        let folder = tempfile::tempdir()?;
        let neighbour =
            Neighbour::start(testbed.group(hit)?, testbed.core_of(hit)?, folder.path()).await?;
        let began = Instant::now();
        let until = began + plan.last().map_or(Duration::ZERO, |arrival| arrival.at);
        let (result, busy) = tokio::join!(
            open_loop::run(&testbed, &self.works, &plan),
            neighbour.run_periodically(began, until)
        );
        let (result, busy) = (result?, busy?);
        neighbour.stop().await?;
        testbed.stop().await?;
        if settings == PlacementSettings::OURS {
            self.count(&result);
        }
        let mut servers = self.servers();
        servers[HIT].neighbour = busy;
        let mut pooled = Pooled::default();
        pooled.add(&result, &servers, self.overhead);
        let note = format!(
            "a neighbour uses 70% of a worker of .3 core for {} of every {} s",
            BUSY.as_secs(),
            PERIOD.as_secs()
        );
        self.compare(baseline, "antagonist", &pooled, &note);
        Ok(())
    }
}
