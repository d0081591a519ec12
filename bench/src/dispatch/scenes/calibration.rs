//! Costs of jobs by kind, and of an idle node.

use super::{KINDS, LARGEST, SMALLEST, Scenes, USERS, WORKERS};
use crate::dispatch::closed_loop;
use crate::dispatch::open_loop::Ran;
use crate::dispatch::overhead::{Overhead, idle};
use crate::dispatch::stage::{Placing, Stage};
use crate::figure::{Figure, round};

/// Runs of each kind.
const TIMES: usize = 5;
/// Number of passes, of which the one with the cheapest transfers counts. Other load on the machine
/// can only raise the measured cost, which would make the oracle slower than it is.
const PASSES: usize = 3;

impl Scenes<'_> {
    async fn calibration(&self, stage: &Stage) -> anyhow::Result<(Overhead, Vec<Ran>)> {
        let idle = idle(stage).await?;
        let mut runs = Vec::new();
        for work in self.works.clone() {
            runs.push(closed_loop::run(stage, &[work], 1, TIMES, self.seed).await?);
        }
        Ok((Overhead::of(WORKERS.len(), idle, &runs), runs))
    }

    /// Measures each kind of job by itself.
    pub(super) async fn calibrate(&mut self) -> anyhow::Result<()> {
        let stage = Stage::start(&WORKERS, USERS, Placing::OURS).await?;
        let (mut overhead, mut runs) = self.calibration(&stage).await?;
        for _ in 1..PASSES {
            let other = self.calibration(&stage).await?;
            if other.0.a_byte < overhead.a_byte {
                (overhead, runs) = other;
            }
        }
        stage.end().await?;
        self.overhead = overhead;
        let jobs: usize = runs.iter().map(|ran| ran.done.len()).sum();
        let work: f64 = runs.iter().map(|ran| ran.work(self.overhead)).sum();
        self.mean_work = work / jobs as f64;
        let images = |kind: usize| runs[kind].images_cpu() / runs[kind].done.len() as f64;
        let (least, most) = (images(0) * 1e3, images(KINDS - 1) * 1e3);
        let note = format!(
            "{KINDS} kinds, images from {} to {} ms of CPU, payloads of {} to {} kB; transfer of a \
             megabyte {} ms; an idle worker {}% of a core",
            round(least),
            round(most),
            SMALLEST / 1e3,
            LARGEST / 1e3,
            round(self.overhead.a_byte * 1e9),
            round(self.overhead.idle_cores * 100.0),
        );
        let mean_ms = self.mean_work * 1e3;
        self.add(Figure::new("job_cpu_ms", mean_ms, "ms", jobs, note));
        self.add(Figure::new("job_sizes_span", most / least, "x", jobs, ""));
        Ok(())
    }
}
