//! Costs of jobs by kind, and of an idle node.

use std::time::Duration;

use anyhow::Context as _;

use super::{KINDS, LARGEST, SMALLEST, Scenarios, USERS, WORKERS};
use crate::dispatch::open_loop::RunResult;
use crate::dispatch::overhead::Overhead;
use crate::dispatch::testbed::{PlacementSettings, Testbed};
use crate::dispatch::{closed_loop, cpu_times};
use crate::figure::Figure;
use crate::rounding::round;

/// Runs of each kind.
const TIMES: usize = 5;
/// Number of passes, of which the one with the cheapest transfers counts. Other load on the machine
/// can only raise the measured cost, which would make the oracle slower than it is.
const PASSES: usize = 3;
/// Duration of the measurement of idle nodes.
const IDLE_FOR: Duration = Duration::from_secs(5);

impl Scenarios<'_> {
    async fn calibration(&self, testbed: &Testbed) -> anyhow::Result<(Overhead, Vec<RunResult>)> {
        let idle = idle(testbed).await?;
        let mut runs = Vec::new();
        for work in self.works.clone() {
            runs.push(closed_loop::run(testbed, &[work], 1, TIMES, self.seed).await?);
        }
        Ok((overhead(WORKERS.len(), idle, &runs), runs))
    }

    /// Measures each kind of job by itself.
    pub(super) async fn calibrate(&mut self) -> anyhow::Result<()> {
        let testbed = Testbed::start(&WORKERS, USERS, PlacementSettings::OURS).await?;
        let (mut overhead, mut runs) = self.calibration(&testbed).await?;
        for _ in 1..PASSES {
            let other = self.calibration(&testbed).await?;
            if other.0.per_byte < overhead.per_byte {
                (overhead, runs) = other;
            }
        }
        testbed.stop().await?;
        self.overhead = overhead;
        let jobs: usize = runs.iter().map(|result| result.done.len()).sum();
        let work: f64 = runs.iter().map(|result| result.work(self.overhead)).sum();
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
            round(self.overhead.per_byte * 1e9),
            round(self.overhead.idle_cores * 100.0),
        );
        let mean_ms = self.mean_work * 1e3;
        self.add(Figure::new("job_cpu_ms", mean_ms, "ms", jobs, note));
        self.add(Figure::new("job_sizes_span", most / least, "x", jobs, ""));
        Ok(())
    }
}

/// CPU seconds used by all workers within a span in seconds.
#[derive(Debug, Clone, Copy)]
struct Used {
    cpu: f64,
    span: f64,
}

/// Measures the workers' CPU time without jobs.
async fn idle(testbed: &Testbed) -> anyhow::Result<Used> {
    let before = cpu_times::nodes_cpu(&testbed.cluster)?;
    tokio::time::sleep(IDLE_FOR).await;
    let after = cpu_times::nodes_cpu(&testbed.cluster)?;
    let used = testbed.quotas.keys().map(|worker| {
        let used = after.get(worker)?.saturating_sub(*before.get(worker)?);
        Some(used.as_secs_f64())
    });
    let cpu: Option<f64> = used.sum();
    Ok(Used {
        cpu: cpu.context("every worker runs during the measurement")?,
        span: IDLE_FOR.as_secs_f64(),
    })
}

/// Computes the overhead from the CPU time of `workers` idle workers, and from runs with little
/// else going on.
fn overhead(workers: usize, idle: Used, runs: &[RunResult]) -> Overhead {
    let idle_rate = idle.cpu / idle.span;
    let beside_images = |result: &RunResult| {
        let used: f64 = result.used.values().sum();
        used - result.images_cpu() - idle_rate * result.span
    };
    let bytes: usize = runs
        .iter()
        .flat_map(|result| &result.done)
        .map(|job| job.bytes)
        .sum();
    let moving: f64 = runs.iter().map(beside_images).sum();
    Overhead {
        idle_cores: idle_rate / workers as f64,
        per_byte: (moving / bytes as f64).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cameo_common::ids::NodeId;

    use super::*;
    use crate::dispatch::open_loop::CompletedJob;

    #[test]
    fn cpu_time_besides_idling_and_images_belongs_to_transfers() {
        let job = CompletedJob {
            arrives: 0.0,
            took: 1.0,
            cpu: 0.5,
            bytes: 1000,
        };
        let result = RunResult {
            done: vec![job.clone(), job],
            failed: Vec::new(),
            used: BTreeMap::from([(NodeId(2), 1.5), (NodeId(3), 0.2)]),
            span: 10.0,
            by_leader: 0,
        };
        // .04 cores idle: .4 s of the 1.7; a second for images, .3 for 2000 bytes.
        let idle = Used {
            cpu: 0.2,
            span: 5.0,
        };
        let overhead = overhead(2, idle, &[result]);
        assert!((overhead.idle_cores - 0.02).abs() < 1e-9);
        assert!((overhead.per_byte - 0.3 / 2000.0).abs() < 1e-9);
    }
}
