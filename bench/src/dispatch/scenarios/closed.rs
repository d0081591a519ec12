//! Closed loop of a dozen clients: use of all workers' quotas.

use std::collections::BTreeMap;

use cameo_common::ids::NodeId;

use super::{Scenarios, WORKERS, cores};
use crate::dispatch::closed_loop;
use crate::dispatch::open_loop::RunResult;
use crate::dispatch::testbed::{PlacementSettings, Testbed};
use crate::figure::Figure;
use crate::rounding::round;

impl Scenarios<'_> {
    pub(super) async fn closed(&mut self) -> anyhow::Result<()> {
        let (clients, each) = (self.sizes.closed_clients, self.sizes.closed_each);
        let testbed = Testbed::start(&WORKERS, clients, PlacementSettings::OURS).await?;
        let result = closed_loop::run(&testbed, &self.works, clients, each, self.seed).await?;
        let used = used(&result, &testbed.quotas);
        testbed.stop().await?;
        self.count(&result);
        let quotas = cores(WORKERS.iter().sum());
        let left: f64 = self.servers().iter().map(|server| server.cores).sum();
        let work = result.work(self.overhead);
        let note = format!(
            "{clients} clients x {each} jobs in {} s; the work is {} s of images and {} s of \
             transfers; without the use of idle nodes {}x; quotas used: {used}",
            round(result.span),
            round(result.images_cpu()),
            round(work - result.images_cpu()),
            round(result.span * left / work),
        );
        let n = result.done.len();
        let makespan = result.span * quotas / work;
        self.add(Figure::new("makespan_vs_ideal", makespan, "x", n, note));
        Ok(())
    }
}

/// Used share of each worker's quota.
fn used(result: &RunResult, quotas: &BTreeMap<NodeId, u32>) -> String {
    let part = |(node, quota): (&NodeId, &u32)| {
        let quota = cores(*quota);
        let used = result.used.get(node)? / result.span / quota;
        Some(format!("{quota}: {:.0}%", used * 100.0))
    };
    quotas
        .iter()
        .filter_map(part)
        .collect::<Vec<_>>()
        .join(", ")
}
