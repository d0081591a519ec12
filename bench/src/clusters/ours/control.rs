//! Control of our nodes: the leader, deaths, orderly ends and restarts.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_harness::{Node, get_text};
use futures_util::future::join_all;

use super::writer::Writer;
use super::{Ours, address};

/// Longest wait for a node's metrics.
const METRICS_WITHIN: Duration = Duration::from_secs(3);
/// The metric that counts the snapshots which a process has written.
const SNAPSHOTS: &str = "cameo_snapshot_duration_seconds_count ";

impl Ours {
    /// The number of the node that leads, by the word of a majority in the newest term.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn leader(&self) -> anyhow::Result<usize> {
        let leader = self.cluster.leader().await?;
        let at = self.cluster.nodes.iter().position(|node| node.id == leader);
        at.context("the leader is a node")
    }

    /// The newest term that a node tells.
    ///
    /// # Errors
    /// When none answers.
    pub async fn term(&self) -> anyhow::Result<u64> {
        let mut terms = Vec::new();
        for node in &self.cluster.nodes {
            let status = node.status().await;
            terms.extend(status.and_then(|status| status["term"].as_u64()));
        }
        terms.into_iter().max().context("no node tells its term")
    }

    /// Snapshots that the nodes' processes have written, all together.
    ///
    /// # Errors
    /// When one does not tell.
    pub async fn snapshots(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for node in &self.cluster.nodes {
            let (status, metrics) = get_text(&node.metrics, "/metrics", METRICS_WITHIN).await?;
            ensure!(
                status == 200,
                "{status} for the metrics of node {}",
                node.id
            );
            all += snapshots(&metrics).context("the number of snapshots in the metrics")?;
        }
        Ok(all)
    }

    /// The base URL of each node.
    pub fn urls(&self) -> Vec<String> {
        let nodes = self.cluster.nodes.iter();
        nodes.map(|node| format!("https://{}", node.http)).collect()
    }

    /// Sends SIGKILL to a node, and waits until it has ended.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(&mut self, at: usize) -> anyhow::Result<()> {
        Ok(self.node_mut(at)?.kill().await?)
    }

    /// Sends SIGTERM to a node, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(&mut self, at: usize) -> anyhow::Result<()> {
        Ok(self.node_mut(at)?.stop().await?)
    }

    /// Starts a node again, and waits until every node has applied what is committed at the call.
    ///
    /// # Errors
    /// When they have not in time.
    pub async fn restart(&mut self, at: usize) -> anyhow::Result<()> {
        self.start_node(at).await?;
        self.agree().await
    }

    /// Sends SIGKILL to all nodes before it waits for any.
    ///
    /// # Errors
    /// When one cannot be signalled.
    pub async fn kill_all(&mut self) -> anyhow::Result<()> {
        let nodes = self.cluster.nodes.iter_mut();
        // Each is signalled when it is polled first.
        let killed = join_all(nodes.map(Node::kill)).await;
        Ok(killed.into_iter().collect::<Result<(), _>>()?)
    }

    /// Starts all nodes, and waits until they agree.
    ///
    /// # Errors
    /// When one does not start, or they do not agree in time.
    pub async fn start_all(&mut self) -> anyhow::Result<()> {
        self.cluster.start_all().await?;
        self.cluster.leader().await?;
        self.cluster.caught_up().await?;
        Ok(())
    }

    /// A client that writes as the viewer with this number.
    ///
    /// # Errors
    /// When there are not so many viewers.
    pub fn writer(&self, viewer: usize) -> anyhow::Result<Writer> {
        let viewer = self.viewers.get(viewer).context("so many viewers")?;
        let nodes = 0..self.cluster.nodes.len();
        let nodes = nodes.map(|at| address(&self.cluster, at));
        let nodes = nodes.collect::<anyhow::Result<_>>()?;
        Ok(Writer::new(self.id, viewer.clone(), nodes))
    }

    pub(super) fn node_mut(&mut self, at: usize) -> anyhow::Result<&mut Node> {
        self.cluster.nodes.get_mut(at).context("such a node")
    }
}

fn snapshots(metrics: &str) -> Option<u64> {
    let count = |line: &str| line.strip_prefix(SNAPSHOTS)?.trim().parse().ok();
    metrics.lines().find_map(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshots_of_a_node_are_in_its_metrics() {
        let metrics = "cameo_snapshot_duration_seconds_sum 3\n\
                       cameo_snapshot_duration_seconds_count 12\ncameo_up 1\n";
        assert_eq!(snapshots(metrics), Some(12));
        assert_eq!(snapshots("cameo_up 1\n"), None);
    }
}
