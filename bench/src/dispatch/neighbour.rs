//! A process that the node does not see and that takes its part of the node's quota, from time to time.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use cameo_harness::Process;
use tokio::process::Command;
use tokio::time::{Instant, sleep_until};

use super::cgroup::Group;
use super::pinning::pin;

/// Of every so long...
pub const EVERY: Duration = Duration::from_secs(15);
/// ... it is busy for this long.
pub const BUSY: Duration = Duration::from_secs(5);
const READY_WITHIN: Duration = Duration::from_secs(5);

/// A busy loop, paused for now.
#[derive(Debug)]
pub struct Neighbour(Process);

impl Neighbour {
    /// # Errors
    /// When it does not start.
    pub async fn move_in(group: &Group, core: usize, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        let spin = "echo $$ > \"$0\" && echo ready && while :; do :; done";
        command.arg("-c").arg(spin).arg(group.neighbour_procs());
        let log = folder.join("neighbour.log");
        let process = Process::start("neighbour", command, &log, READY_WITHIN).await?;
        // The group's two parts divide its time only where they run on the same core.
        pin(process.id().context("it runs")?, &[core])?;
        process.pause()?;
        Ok(Self(process))
    }

    /// Is busy from time to time until it is dropped or `until` has come. Tells when, in seconds since `began`.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub async fn come_and_go(
        &self,
        began: Instant,
        until: Instant,
    ) -> anyhow::Result<Vec<(f64, f64)>> {
        let mut busy = Vec::new();
        let mut next = began + EVERY - BUSY;
        while next < until {
            sleep_until(next).await;
            self.0.resume()?;
            let from = began.elapsed().as_secs_f64();
            sleep_until(next + BUSY).await;
            self.0.pause()?;
            busy.push((from, began.elapsed().as_secs_f64()));
            next += EVERY;
        }
        Ok(busy)
    }

    /// # Errors
    /// When it cannot be ended.
    pub async fn move_out(self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }
}
