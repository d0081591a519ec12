//! A cluster of nodes on this machine, in one folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use tokio::process::Command;

use crate::binary::Binaries;
use crate::node::{Credential, Node};
use crate::ports::free_ports;
use crate::process::{LogBy, ProcessError};
use crate::wait::{TimedOut, until};

/// Longest time until nodes agree on something.
const AGREE_WITHIN: Duration = Duration::from_secs(30);

/// The nodes of one cluster.
#[derive(Debug)]
pub struct Cluster {
    pub nodes: Vec<Node>,
    /// Parent of the nodes' folders.
    folder: PathBuf,
}

impl Cluster {
    /// Creates folders, ports and the secret for nodes 1 to `size`, and starts them all.
    ///
    /// # Errors
    /// When a folder cannot be written or a node does not start.
    pub async fn start(binaries: &Binaries, folder: &Path, size: u64) -> anyhow::Result<Self> {
        let mut cluster = Self::prepare(binaries, folder, size).await?;
        cluster.start_all().await?;
        Ok(cluster)
    }

    /// The same without starting the nodes, so that their flags can still be changed.
    ///
    /// # Errors
    /// When a folder cannot be written.
    pub async fn prepare(binaries: &Binaries, folder: &Path, size: u64) -> anyhow::Result<Self> {
        let secret = folder.join("cluster.secret");
        make_secret(&binaries.node, &secret).await?;
        let count = usize::try_from(size)?;
        let ports = free_ports(3 * count)?;
        let (links, others) = ports.split_at(count);
        let (https, metrics) = others.split_at(count);
        let peers: Vec<_> = links
            .iter()
            .zip(1..)
            .map(|(port, id)| format!("{id}=127.0.0.1:{port}"))
            .collect();

        let mut nodes = Vec::new();
        let ports = links.iter().zip(https).zip(metrics);
        for (id, ((link, http), metrics)) in (1..=size).map(NodeId).zip(ports) {
            let folder = folder.join(format!("node-{id}"));
            std::fs::create_dir_all(&folder)?;
            nodes.push(Node {
                id,
                http: format!("127.0.0.1:{http}"),
                metrics: format!("127.0.0.1:{metrics}"),
                link: format!("127.0.0.1:{link}"),
                folder,
                program: binaries.node.clone(),
                peers: peers.join(","),
                credential: Credential::Secret(secret.clone()),
                wrapper: Vec::new(),
                flags: Vec::new(),
                log_filter: None,
                environment: Vec::new(),
                log_by: LogBy::File,
                process: None,
            });
        }
        Ok(Self {
            nodes,
            folder: folder.to_owned(),
        })
    }

    /// Starts every node that is not started, all at once: none is ready before a majority runs.
    ///
    /// # Errors
    /// When one does not get ready.
    pub async fn start_all(&mut self) -> Result<(), ProcessError> {
        let stopped = self.nodes.iter_mut().filter(|node| !node.is_started());
        let starts = futures_util::future::join_all(stopped.map(Node::start)).await;
        let mut failed: Vec<_> = starts.into_iter().filter_map(Result::err).collect();
        // The others wait for the one that has ended.
        failed.sort_by_key(|error| matches!(error, ProcessError::NotReady { .. }));
        failed.into_iter().next().map_or(Ok(()), Err)
    }

    /// A node for the running cluster as a worker, in a folder of its own: not started, and not in
    /// [`Cluster::nodes`] yet.
    ///
    /// # Errors
    /// When its folder cannot be created, or the cluster has no node.
    pub fn worker(&self, id: impl Into<NodeId>) -> anyhow::Result<Node> {
        let id = id.into();
        let member = self.nodes.first().context("a cluster has nodes")?;
        let ports = free_ports(3)?;
        let link = format!("127.0.0.1:{}", ports[0]);
        let folder = self.folder.join(format!("node-{id}"));
        std::fs::create_dir_all(&folder)?;
        let token = folder.join("token");
        // Those of today: nodes that formed the cluster may have been replaced.
        let nodes = self.nodes.iter();
        let peers: Vec<_> = nodes
            .map(|node| format!("{}={}", node.id, node.link))
            .collect();
        let peers = peers.join(",");
        let order = TokenOrder {
            program: &member.program,
            operator: &operator_key(&self.folder),
            cluster: &self.urls(),
            peers: &peers,
        };
        order.sign(&token)?;
        Ok(Node {
            id,
            http: format!("127.0.0.1:{}", ports[1]),
            metrics: format!("127.0.0.1:{}", ports[2]),
            peers: format!("{peers},{id}={link}"),
            link,
            folder,
            program: member.program.clone(),
            credential: Credential::Token(token),
            wrapper: Vec::new(),
            flags: vec!["--worker".into()],
            log_filter: None,
            environment: Vec::new(),
            log_by: LogBy::File,
            process: None,
        })
    }

    /// Starts a worker with an unused id, and waits until it serves the cluster.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn join_worker(&mut self, id: impl Into<NodeId>) -> anyhow::Result<()> {
        let mut worker = self.worker(id)?;
        worker.start().await?;
        self.nodes.push(worker);
        Ok(())
    }

    /// Removes a worker from the cluster by `cameod remove`; its process is left as it is.
    ///
    /// # Errors
    /// When it is not removed.
    pub async fn remove(&self, id: impl Into<NodeId>) -> anyhow::Result<()> {
        self.order(&["remove", "--id", &id.into().to_string()])
            .await
    }

    /// Carries out a verb of the operator, as in `["retire", "ben"]`.
    ///
    /// # Errors
    /// When it fails.
    pub async fn order(&self, verb: &[&str]) -> anyhow::Result<()> {
        let member = self.nodes.first().context("a cluster has nodes")?;
        let ordered = Command::new(&member.program)
            .args(verb)
            .args(["--cluster", &self.urls()])
            .arg("--operator")
            .arg(operator_key(&self.folder))
            .output()
            .await?;
        anyhow::ensure!(
            ordered.status.success(),
            "`cameod {}` failed: {}",
            verb.join(" "),
            String::from_utf8_lossy(&ordered.stderr)
        );
        Ok(())
    }

    /// Value for `cameo init --cluster`: each node's ready line is its URL with the fingerprint.
    #[must_use]
    pub fn urls(&self) -> String {
        let ready = |node: &Node| {
            node.process()
                .map(|process| process.ready.trim().to_owned())
        };
        self.nodes
            .iter()
            .filter_map(ready)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: impl Into<NodeId>) -> Option<&Node> {
        let id = id.into();
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The node with this id, to control it.
    pub fn node_mut(&mut self, id: impl Into<NodeId>) -> Option<&mut Node> {
        let id = id.into();
        self.nodes.iter_mut().find(|node| node.id == id)
    }

    /// The leader on which a majority of all nodes agrees, in the newest term.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn leader(&self) -> Result<NodeId, TimedOut> {
        until("a leader that a majority agrees on", AGREE_WITHIN, || {
            self.agreed_leader()
        })
        .await
    }

    async fn agreed_leader(&self) -> Option<NodeId> {
        let mut reported = Vec::new();
        for node in self.nodes.iter().filter(|node| node.is_started()) {
            let status = node.status().await?;
            reported.push((
                status["term"].as_u64()?,
                status["leader"].as_u64().map(NodeId),
            ));
        }
        let newest = reported.iter().map(|(term, _)| *term).max()?;
        let leader = reported
            .iter()
            .find_map(|(term, leader)| leader.filter(|_| *term == newest))?;
        let agree = reported
            .iter()
            .filter(|reported| **reported == (newest, Some(leader)))
            .count();
        let running = self.node(leader).is_some_and(Node::is_started);
        (running && 2 * agree > self.nodes.len()).then_some(leader)
    }

    /// Waits until every started node has applied what any of them has committed at the call.
    ///
    /// # Errors
    /// When one does not catch up in time.
    pub async fn caught_up(&self) -> Result<u64, TimedOut> {
        let goal = until("the highest commit", AGREE_WITHIN, async || {
            self.highest_commit().await
        })
        .await?;
        until("every node to catch up", AGREE_WITHIN, || {
            self.all_applied(goal)
        })
        .await?;
        Ok(goal)
    }

    async fn highest_commit(&self) -> Option<u64> {
        let mut highest = None;
        for node in self.nodes.iter().filter(|node| node.is_started()) {
            highest = highest.max(node.status().await?["committed"].as_u64());
        }
        highest
    }

    async fn all_applied(&self, goal: u64) -> Option<()> {
        for node in self.nodes.iter().filter(|node| node.is_started()) {
            if node.status().await?["applied"].as_u64()? < goal {
                return None;
            }
        }
        Some(())
    }
}

/// The file of the operator's key, which `cameod secret` writes beside the secret.
fn operator_key(folder: &Path) -> PathBuf {
    folder.join("cluster.secret.operator")
}

/// A worker's token that is to be signed by `cameod token`.
#[derive(Debug)]
pub struct TokenOrder<'a> {
    /// `cameod`.
    pub program: &'a Path,
    pub operator: &'a Path,
    /// The value of `--cluster`.
    pub cluster: &'a str,
    /// The value of `--peers`.
    pub peers: &'a str,
}

impl TokenOrder<'_> {
    /// Writes the token.
    ///
    /// # Errors
    /// When it is not written.
    pub fn sign(&self, out: &Path) -> anyhow::Result<()> {
        let signed = std::process::Command::new(self.program)
            .args(["token", "--cluster", self.cluster, "--peers", self.peers])
            .arg("--operator")
            .arg(self.operator)
            .arg("--out")
            .arg(out)
            .output()?;
        anyhow::ensure!(
            signed.status.success(),
            "`cameod token` failed: {}",
            String::from_utf8_lossy(&signed.stderr)
        );
        Ok(())
    }
}

/// Creates a secret as in the README.
async fn make_secret(program: &Path, path: &Path) -> anyhow::Result<()> {
    let made = Command::new(program)
        .arg("secret")
        .arg(path)
        .output()
        .await?;
    anyhow::ensure!(
        made.status.success(),
        "`cameod secret` failed: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(())
}
