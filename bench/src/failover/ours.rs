//! Our cluster as a target.

use std::time::Duration;

use cameo_common::api::RETRY_RETENTION;
use cameo_common::ids::RequestId;

use super::read_back::LONGEST;
use super::target::{Client, End, Target};
use crate::clusters::ours::{Ours, Writer};

/// Age is looked at before a write is asked for: the longest time of its attempts after that.
const MARGIN: Duration = LONGEST;

impl Target for Ours {
    type Client = Writer;
    const NAME: &'static str = "ours";
    const KEPT_FOR: Option<Duration> = Some(RETRY_RETENTION.saturating_sub(MARGIN));
    /// A lease and an election timeout of 170 ms each.
    const ELECTS_WITHIN: Duration = Duration::from_millis(2 * 170);

    fn processes(&self) -> anyhow::Result<Vec<u32>> {
        Ours::processes(self)
    }

    async fn leader(&self) -> anyhow::Result<usize> {
        Ours::leader(self).await
    }

    async fn term(&self) -> anyhow::Result<u64> {
        Ours::term(self).await
    }

    async fn end(&mut self, node: usize, how: End) -> anyhow::Result<()> {
        match how {
            End::Killed => self.kill(node).await,
            End::Stopped => self.stop(node).await,
        }
    }

    async fn restart(&mut self, node: usize) -> anyhow::Result<()> {
        Ours::restart(self, node).await
    }

    async fn kill_all(&mut self) -> anyhow::Result<()> {
        Ours::kill_all(self).await
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        Ours::start_all(self).await
    }

    fn client(&self, number: usize) -> anyhow::Result<Writer> {
        self.writer(number)
    }
}

impl Client for Writer {
    type Written = RequestId;

    async fn write(&mut self, node: usize) -> anyhow::Result<RequestId> {
        Writer::write(self, node).await
    }

    fn never_written(&self) -> RequestId {
        Writer::never_written()
    }

    async fn has(&mut self, node: usize, written: &RequestId) -> anyhow::Result<bool> {
        Writer::has(self, node, *written).await
    }
}
