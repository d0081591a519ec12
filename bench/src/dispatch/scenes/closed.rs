//! Closed loop of a dozen clients: use of all workers' quotas.

use std::collections::BTreeMap;

use super::{Scenes, WORKERS, cores};
use crate::dispatch::closed_loop;
use crate::dispatch::open_loop::Ran;
use crate::dispatch::stage::{Placing, Stage};
use crate::figure::{Figure, round};

impl Scenes<'_> {
    pub(super) async fn closed(&mut self) -> anyhow::Result<()> {
        let (clients, each) = (self.extent.closed_clients, self.extent.closed_each);
        let stage = Stage::start(&WORKERS, clients, Placing::OURS).await?;
        let ran = closed_loop::run(&stage, &self.works, clients, each, self.seed).await?;
        let used = used(&ran, &stage.quotas);
        stage.end().await?;
        self.count(&ran);
        let quotas = cores(WORKERS.iter().sum());
        let left: f64 = self.servers().iter().map(|server| server.cores).sum();
        let work = ran.work(self.overhead);
        let note = format!(
            "{clients} clients x {each} jobs in {} s; the work is {} s of images and {} s of \
             transfers; without the use of idle nodes {}x; quotas used: {used}",
            round(ran.span),
            round(ran.images_cpu()),
            round(work - ran.images_cpu()),
            round(ran.span * left / work),
        );
        let n = ran.done.len();
        let makespan = ran.span * quotas / work;
        self.add(Figure::new("makespan_vs_ideal", makespan, "x", n, note));
        Ok(())
    }
}

/// Used share of each worker's quota.
fn used(ran: &Ran, quotas: &BTreeMap<u64, u32>) -> String {
    let part = |(node, quota): (&u64, &u32)| {
        let quota = cores(*quota);
        let used = ran.used.get(node)? / ran.span / quota;
        Some(format!("{quota}: {:.0}%", used * 100.0))
    };
    quotas
        .iter()
        .filter_map(part)
        .collect::<Vec<_>>()
        .join(", ")
}
