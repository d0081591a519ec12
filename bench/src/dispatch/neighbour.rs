//! A neighbour: a process hidden from the node, which periodically uses a part of the node's quota.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use cameo_harness::Process;
use tokio::process::Command;
use tokio::time::{Instant, sleep_until};

use super::cgroup::Group;
use super::pinning::pin;

/// Period of the neighbour.
pub const PERIOD: Duration = Duration::from_secs(15);
/// Busy time in each period.
pub const BUSY: Duration = Duration::from_secs(5);
const READY_WITHIN: Duration = Duration::from_secs(5);

/// A busy loop, paused between its busy times.
#[derive(Debug)]
pub struct Neighbour(Process);

impl Neighbour {
    /// Starts the process, paused.
    pub async fn start(group: &Group, core: usize, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        let spin = "echo $$ > \"$0\" && echo ready && while :; do :; done";
        command.arg("-c").arg(spin).arg(group.neighbour_procs());
        let log = folder.join("neighbour.log");
        let process = Process::start("neighbour", command, &log, READY_WITHIN).await?;
        // The two child groups share the quota by weight only on the same core.
        pin(process.id().context("it runs")?, &[core])?;
        process.pause()?;
        Ok(Self(process))
    }

    /// Runs periodically until `until`. Returns the busy times, in seconds since `began`.
    pub async fn run_periodically(
        &self,
        began: Instant,
        until: Instant,
    ) -> anyhow::Result<Vec<(f64, f64)>> {
        let mut busy = Vec::new();
        let mut next = began + PERIOD - BUSY;
        while next < until {
            sleep_until(next).await;
            self.0.resume()?;
            let from = began.elapsed().as_secs_f64();
            sleep_until(next + BUSY).await;
            self.0.pause()?;
            busy.push((from, began.elapsed().as_secs_f64()));
            next += PERIOD;
        }
        Ok(busy)
    }

    /// Kills the process.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.0.kill().await?;
        Ok(())
    }
}
