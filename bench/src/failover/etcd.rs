//! etcd as a target.

use std::time::Duration;

use super::target::{Client, End, Target};
use crate::clusters::etcd::{Etcd, NAME, Writer};
use crate::clusters::ours::AUTHORIZATION_BYTES;

impl Target for Etcd {
    type Client = Writer;
    const NAME: &'static str = NAME;
    const KEPT_FOR: Option<Duration> = None;
    /// A follower waits for one to two of its election timeouts of 1000 ms.
    const ELECTS_WITHIN: Duration = Duration::from_secs(2);

    fn processes(&self) -> anyhow::Result<Vec<u32>> {
        Ok(Etcd::processes(self))
    }

    async fn leader(&self) -> anyhow::Result<usize> {
        Etcd::leader(self).await
    }

    async fn term(&self) -> anyhow::Result<u64> {
        Etcd::term(self).await
    }

    async fn end(&mut self, node: usize, how: End) -> anyhow::Result<()> {
        match how {
            End::Killed => self.kill(node).await,
            End::Stopped => self.stop(node).await,
        }
    }

    async fn restart(&mut self, node: usize) -> anyhow::Result<()> {
        Etcd::restart(self, node).await
    }

    async fn kill_all(&mut self) -> anyhow::Result<()> {
        Etcd::kill_all(self).await
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        Etcd::start_all(self).await
    }

    fn client(&self, _number: usize) -> anyhow::Result<Writer> {
        Ok(self.writer(AUTHORIZATION_BYTES))
    }
}

impl Client for Writer {
    type Written = Vec<u8>;

    async fn write(&mut self, node: usize) -> anyhow::Result<Vec<u8>> {
        Writer::write(self, node).await
    }

    fn never_written(&self) -> Vec<u8> {
        Writer::never_written()
    }

    async fn has(&mut self, node: usize, written: &Vec<u8>) -> anyhow::Result<bool> {
        Writer::has(self, node, written).await
    }
}
