//! What a job of each kind costs, to know the rate that is 70% of what there is.

use super::{KINDS, LARGEST, SMALLEST, Scenes, USERS, WORKERS};
use crate::bench::dispatch::closed_loop;
use crate::bench::dispatch::stage::{Placing, Stage};
use crate::bench::figure::{Figure, round};

/// How often each kind is done.
const TIMES: usize = 3;

impl Scenes<'_> {
    /// Does each kind a few times, alone, to know the rate that is 70% of what there is.
    pub(super) async fn calibrate(&mut self) -> anyhow::Result<()> {
        let stage = Stage::start(&WORKERS, USERS, Placing::OURS).await?;
        let mut costs = Vec::new();
        for work in self.works.clone() {
            let ran = closed_loop::run(&stage, &[work], 1, TIMES, self.seed).await?;
            costs.push(ran.work() / ran.done.len() as f64);
        }
        stage.end().await?;
        self.mean_cpu = costs.iter().sum::<f64>() / costs.len() as f64;
        let (least, most) = (costs[0] * 1e3, costs[KINDS - 1] * 1e3);
        let note = format!(
            "{KINDS} kinds from {} to {} ms of CPU, payloads of {} to {} kB",
            round(least),
            round(most),
            SMALLEST / 1e3,
            LARGEST / 1e3
        );
        let figure = Figure::new("job_cpu_ms", self.mean_cpu * 1e3, "ms", costs.len(), note);
        self.add(figure);
        self.add(Figure::new(
            "job_sizes_span",
            most / least,
            "x",
            costs.len(),
            "",
        ));
        Ok(())
    }
}
