//! A window: what the nodes take while nobody comes or goes.

use std::time::{Duration, Instant};

use crate::clusters::ours::Ours;
use crate::growth::sizes::resident;
use crate::others::{OthersMeter, is_disturbed};
use crate::process_cpu::cpu_of;

/// What a window has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Entries of the log that were committed.
    pub entries: u64,
    pub minutes: f64,
    /// Percent of a core, of each node.
    pub cpu: Vec<f64>,
    /// Resident memory at the end in MiB, of each node.
    pub memory: Vec<f64>,
    /// Whether something else had the machine.
    pub is_disturbed: bool,
}

impl Window {
    /// Measures for so long.
    ///
    /// # Errors
    /// When a node does not run, or does not tell.
    pub async fn measure(ours: &Ours, length: Duration) -> anyhow::Result<Self> {
        let processes = ours.processes()?;
        let others = OthersMeter::start(processes.clone())?;
        let (entries, before) = (ours.committed().await?, cpu(&processes)?);
        let began = Instant::now();
        tokio::time::sleep(length).await;
        let (after, took) = (cpu(&processes)?, began.elapsed().as_secs_f64());
        let cpu = after.iter().zip(&before);
        let cpu = cpu.map(|(after, before)| after.saturating_sub(*before).as_secs_f64());
        let memory: anyhow::Result<Vec<_>> = processes.iter().map(|id| resident(*id)).collect();
        Ok(Self {
            entries: ours.committed().await?.saturating_sub(entries),
            minutes: took / 60.0,
            cpu: cpu.map(|seconds| 100.0 * seconds / took).collect(),
            memory: memory?.into_iter().map(mebibytes).collect(),
            is_disturbed: is_disturbed(others.cores()?),
        })
    }
}

fn cpu(processes: &[u32]) -> anyhow::Result<Vec<Duration>> {
    processes.iter().map(|id| cpu_of(*id)).collect()
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
