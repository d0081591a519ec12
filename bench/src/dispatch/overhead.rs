//! CPU time of a worker besides images: running a node, and transferring bytes.
//!
//! Both come out of the same quota. The first is constant and is subtracted from the quota. The
//! second belongs to the job whose bytes they are, wherever an oracle places it.

use std::time::Duration;

use anyhow::Context as _;

use super::measured;
use super::open_loop::Ran;
use super::stage::Stage;

/// Duration of the measurement of idle nodes.
const WATCHED_FOR: Duration = Duration::from_secs(5);

/// Overhead as measured by the calibration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overhead {
    /// Cores that a worker uses without jobs, mean over the workers.
    pub idle_cores: f64,
    /// CPU seconds of the worker per uploaded or downloaded byte.
    pub a_byte: f64,
}

/// CPU seconds used by all workers within a span in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    pub cpu: f64,
    pub span: f64,
}

/// Measures the workers' CPU time without jobs.
pub async fn idle(stage: &Stage) -> anyhow::Result<Used> {
    let before = measured::nodes_cpu(&stage.cluster)?;
    tokio::time::sleep(WATCHED_FOR).await;
    let after = measured::nodes_cpu(&stage.cluster)?;
    let used = stage.quotas.keys().map(|worker| {
        let used = after.get(worker)?.saturating_sub(*before.get(worker)?);
        Some(used.as_secs_f64())
    });
    let cpu: Option<f64> = used.sum();
    Ok(Used {
        cpu: cpu.context("every worker runs while it is watched")?,
        span: WATCHED_FOR.as_secs_f64(),
    })
}

impl Overhead {
    /// Computes the overhead from the CPU time of `workers` idle workers, and from runs with little
    /// else going on.
    #[must_use]
    pub fn of(workers: usize, idle: Used, runs: &[Ran]) -> Self {
        let idle_rate = idle.cpu / idle.span;
        let beside_images = |ran: &Ran| {
            let used: f64 = ran.used.values().sum();
            used - ran.images_cpu() - idle_rate * ran.span
        };
        let bytes: usize = runs
            .iter()
            .flat_map(|ran| &ran.done)
            .map(|job| job.bytes)
            .sum();
        let moving: f64 = runs.iter().map(beside_images).sum();
        Self {
            idle_cores: idle_rate / workers as f64,
            a_byte: (moving / bytes as f64).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dispatch::open_loop::Done;

    #[test]
    fn cpu_time_besides_idling_and_images_belongs_to_transfers() {
        let job = Done {
            arrives: 0.0,
            took: 1.0,
            cpu: 0.5,
            bytes: 1000,
        };
        let ran = Ran {
            done: vec![job.clone(), job],
            failed: Vec::new(),
            used: BTreeMap::from([(2, 1.5), (3, 0.2)]),
            span: 10.0,
            by_leader: 0,
        };
        // .04 cores idle: .4 s of the 1.7; a second for images, .3 for 2000 bytes.
        let idle = Used {
            cpu: 0.2,
            span: 5.0,
        };
        let overhead = Overhead::of(2, idle, &[ran]);
        assert!((overhead.idle_cores - 0.02).abs() < 1e-9);
        assert!((overhead.a_byte - 0.3 / 2000.0).abs() < 1e-9);
    }
}
