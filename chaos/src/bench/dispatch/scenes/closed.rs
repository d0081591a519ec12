//! A dozen clients that bring their next job when the one before is done: is any worker idle meanwhile?

use std::collections::BTreeMap;

use super::{Scenes, WORKERS};
use crate::bench::dispatch::closed_loop;
use crate::bench::dispatch::open_loop::Ran;
use crate::bench::dispatch::stage::{Placing, Stage};
use crate::bench::figure::{Figure, round};

impl Scenes<'_> {
    pub(super) async fn closed(&mut self) -> anyhow::Result<()> {
        let (clients, each) = (self.extent.closed_clients, self.extent.closed_each);
        let stage = Stage::start(&WORKERS, clients, Placing::OURS).await?;
        let ran = closed_loop::run(&stage, &self.works, clients, each, self.seed).await?;
        let used = used(&ran, &stage.quotas);
        stage.end().await?;
        self.leaders_jobs += ran.by_leader;
        let quotas = f64::from(WORKERS.iter().sum::<u32>()) / 1000.0;
        let left: f64 = ran.servers.values().map(|server| server.cores).sum();
        let ideal = ran.work() / quotas;
        let note = format!(
            "{clients} clients x {each} jobs in {} s; of {quotas} cores the nodes themselves used {}: against what was \
             left for jobs {}x; quotas used: {used}",
            round(ran.span),
            round(quotas - left),
            round(ran.span * left / ran.work())
        );
        let n = ran.done.len();
        self.add(Figure::new(
            "makespan_vs_ideal",
            ran.span / ideal,
            "x",
            n,
            note,
        ));
        Ok(())
    }
}

/// How much of each worker's quota was used, by jobs and by the node itself.
fn used(ran: &Ran, quotas: &BTreeMap<u64, u32>) -> String {
    let part = |(node, quota): (&u64, &u32)| {
        let quota = f64::from(*quota) / 1000.0;
        let own = quota - ran.servers.get(node)?.cores;
        let jobs = ran.work_of(*node);
        Some(format!(
            "{quota}: {:.0}%",
            (jobs / ran.span + own) / quota * 100.0
        ))
    };
    quotas
        .iter()
        .filter_map(part)
        .collect::<Vec<_>>()
        .join(", ")
}
