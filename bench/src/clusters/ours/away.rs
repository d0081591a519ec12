//! Nodes that were away, and what a node has on its disk.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Call, Ours};
use crate::clusters::caller::Caller;

/// A boot id that no machine has: as if it had been another boot.
const OTHER_BOOT: &str = "another-boot\n";

impl Ours {
    /// The nodes' folders.
    pub fn folders(&self) -> Vec<&Path> {
        let nodes = self.cluster.nodes.iter();
        nodes.map(|node| node.folder.as_path()).collect()
    }

    /// Clients that call it by all nodes but one.
    ///
    /// # Errors
    /// When a node does not answer.
    pub async fn callers_of_others(
        &self,
        count: usize,
        call: Call,
        but: usize,
    ) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let nodes: Vec<_> = (0..self.cluster.nodes.len())
            .filter(|at| *at != but)
            .collect();
        self.callers_by(&nodes, count, call).await
    }

    /// Starts a node, and waits until it serves.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn start_node(&mut self, at: usize) -> anyhow::Result<()> {
        Ok(self.node_mut(at)?.start().await?)
    }

    /// Waits until every node has applied what is committed at the call.
    ///
    /// # Errors
    /// When they have not in time.
    pub async fn agree(&self) -> anyhow::Result<()> {
        self.cluster.caught_up().await?;
        Ok(())
    }

    /// Index of the last entry that a running node knows to be committed.
    ///
    /// # Errors
    /// When none tells.
    pub async fn committed(&self) -> anyhow::Result<u64> {
        let mut committed = Vec::new();
        for node in self.cluster.nodes.iter().filter(|node| node.is_started()) {
            let status = node.status().await;
            committed.extend(status.and_then(|status| status["committed"].as_u64()));
        }
        committed
            .into_iter()
            .max()
            .context("no node tells what is committed")
    }

    /// Whether a node has applied what the others had committed at the call.
    ///
    /// # Errors
    /// When none tells.
    pub async fn has_caught_up(&self, at: usize) -> anyhow::Result<bool> {
        let goal = self.committed().await?;
        let node = self.cluster.nodes.get(at).context("such a node")?;
        let status = node.status().await;
        let applied = status.and_then(|status| status["applied"].as_u64());
        Ok(applied >= Some(goal))
    }

    /// Has the next start of a stopped node trust nothing of its state, as after a failure of the
    /// machine.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn distrust_state(&self, at: usize) -> anyhow::Result<()> {
        let node = self.cluster.nodes.get(at).context("such a node")?;
        Ok(std::fs::write(
            node.folder.join("data/RUNNING"),
            OTHER_BOOT,
        )?)
    }

    /// Takes a backup: a snapshot that a majority has signed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn backup(&self) -> anyhow::Result<()> {
        let node = self.cluster.nodes.first().context("a cluster has nodes")?;
        let file: PathBuf = node.folder.join("backup");
        let name = file.to_str().context("a name in UTF-8")?;
        self.cluster.order(&["backup", name]).await?;
        Ok(std::fs::remove_file(file)?)
    }
}
