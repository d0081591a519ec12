//! A cluster of nodes in this process, each with its own folder and ports.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cameo_cluster::config::{Config, CredentialFile};
use cameo_cluster::host::disk_space::{Measured, SpaceMeter};
use cameo_cluster::node::{Node, StartError, secret_file};
use cameo_cluster::store::Options;
use cameo_common::api::{ClusterInfo, NodeStatus, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::registration::RegistrationMode;
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::http::send;

const DEADLINE: Duration = Duration::from_secs(60);

pub struct World {
    pub nodes: Vec<Option<Node>>,
    pub urls: Vec<String>,
    pub cluster: ClusterId,
    configs: Vec<Config>,
    /// Free bytes of the nodes' disks.
    meters: Vec<Arc<Meter>>,
    folder: TempDir,
}

impl World {
    /// A cluster that is ready.
    pub async fn new(nodes: u64) -> Self {
        Self::changed(nodes, |_| {}).await
    }

    /// The same with other flags.
    pub async fn changed(nodes: u64, change: impl Fn(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        secret_file::create(&folder.path().join("secret"), None).unwrap();
        let ports = cameo_harness::free_ports(3 * nodes as usize).unwrap();
        let (ports, others) = ports.split_at(nodes as usize);
        let (https, metrics) = others.split_at(nodes as usize);
        let peers: BTreeMap<NodeId, String> = (1..=nodes)
            .map(NodeId)
            .zip(ports)
            .map(|(id, port)| (id, format!("127.0.0.1:{port}")))
            .collect();
        let configs: Vec<Config> = (1..=nodes)
            .map(|id| {
                let mut config = config(NodeId(id), folder.path(), peers.clone());
                let at = id as usize - 1;
                config.http = ([127, 0, 0, 1], https[at]).into();
                config.metrics = Some(([127, 0, 0, 1], metrics[at]).into());
                change(&mut config);
                config
            })
            .collect();
        let meters: Vec<_> = configs.iter().map(|_| Arc::default()).collect();
        let (nodes, cluster) = start(&configs, &meters).await;
        Self {
            urls: nodes.iter().map(|node| node.url().to_owned()).collect(),
            nodes: nodes.into_iter().map(Some).collect(),
            cluster,
            configs,
            meters,
            folder,
        }
    }

    /// Stops all nodes, changes what they have on their disks, and starts them again.
    pub async fn restart_all(&mut self, meanwhile: impl Fn(&Path)) {
        let running = self.nodes.drain(..).flatten();
        join_all(running.map(|node| async { node.stop().await.unwrap() })).await;
        for config in &self.configs {
            meanwhile(&config.data);
        }
        let (nodes, cluster) = start(&self.configs, &self.meters).await;
        assert_eq!(cluster, self.cluster);
        self.urls = nodes.iter().map(|node| node.url().to_owned()).collect();
        self.nodes = nodes.into_iter().map(Some).collect();
    }

    /// Stops all nodes. Returns the data folders that they leave.
    pub async fn stopped_folders(mut self) -> StoppedFolders {
        let running = self.nodes.drain(..).flatten();
        join_all(running.map(|node| async { node.stop().await.unwrap() })).await;
        StoppedFolders {
            folders: self.configs.drain(..).map(|config| config.data).collect(),
            _folder: self.folder,
        }
    }

    /// The URL of a node, 1 for the first.
    pub fn url(&self, id: impl Into<NodeId>) -> &str {
        &self.urls[id.into().0 as usize - 1]
    }

    /// File of the operator's key.
    pub fn operator_key(&self) -> PathBuf {
        self.folder.path().join("secret.operator")
    }

    /// The folder of all nodes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Fills the disk of a node to the last byte, as far as the node sees, or frees all of it.
    pub fn set_full(&self, id: impl Into<NodeId>, is_full: bool) {
        let taken = if is_full { u64::MAX } else { 0 };
        let meter = &self.meters[id.into().0 as usize - 1];
        meter.taken.store(taken, Ordering::Relaxed);
    }

    /// A node's configuration.
    pub fn config(&self, id: impl Into<NodeId>) -> Config {
        self.configs[id.into().0 as usize - 1].clone()
    }

    /// The same, to change flags of its next start.
    pub fn config_mut(&mut self, id: impl Into<NodeId>) -> &mut Config {
        &mut self.configs[id.into().0 as usize - 1]
    }

    /// The founders, with the addresses of their links.
    pub fn peers(&self) -> BTreeMap<NodeId, String> {
        self.configs[0].peers.clone()
    }

    /// A node's decision log.
    pub fn decisions(&self, id: impl Into<NodeId>) -> PathBuf {
        decisions(self.folder.path(), id.into())
    }

    /// Where a node serves in the clear.
    pub fn metrics(&self, id: impl Into<NodeId>) -> SocketAddr {
        self.configs[id.into().0 as usize - 1].metrics.unwrap()
    }

    pub async fn stop(&mut self, id: impl Into<NodeId>) {
        let node = self.nodes[id.into().0 as usize - 1].take().unwrap();
        node.stop().await.unwrap();
    }

    /// Starts a node that was stopped, and waits until it is ready.
    pub async fn start(&mut self, id: impl Into<NodeId>) {
        let at = id.into().0 as usize - 1;
        let node = start_one(self.configs[at].clone(), &self.meters[at])
            .await
            .unwrap();
        timeout(DEADLINE, node.ready()).await.expect("it is ready");
        node.url().clone_into(&mut self.urls[at]);
        self.nodes[at] = Some(node);
    }

    /// Starts a node that was stopped, and tells why it stops again.
    pub async fn start_that_fails(&mut self, id: impl Into<NodeId>) -> String {
        let at = id.into().0 as usize - 1;
        let node = start_one(self.configs[at].clone(), &self.meters[at]);
        let node = node.await.unwrap();
        let failed = timeout(DEADLINE, node.wait_until_failed()).await;
        node.stop().await.unwrap();
        failed.expect("it fails")
    }

    /// Starts nodes that were stopped, and waits until all are ready.
    pub async fn start_all(&mut self, ids: &[u64]) {
        let configs: Vec<_> = ids.iter().map(|id| self.config(*id)).collect();
        let meters = ids.iter().map(|id| self.meters[*id as usize - 1].clone());
        let (nodes, _) = start(&configs, &meters.collect::<Vec<_>>()).await;
        for (id, node) in ids.iter().zip(nodes) {
            let at = *id as usize - 1;
            node.url().clone_into(&mut self.urls[at]);
            self.nodes[at] = Some(node);
        }
    }

    /// Waits until the status of a node says that its disk is low, or is not.
    pub async fn low(&self, id: impl Into<NodeId>, is_low: bool) -> NodeStatus {
        let id = id.into();
        until("what the status says of the disk", async || {
            let status = self.status(id).await;
            (status.disk.low == is_low).then_some(status)
        })
        .await
    }

    pub async fn status(&self, id: impl Into<NodeId>) -> NodeStatus {
        send(self.url(id), "GET", paths::STATUS, &[], b"")
            .await
            .read()
    }

    pub async fn leader(&self) -> NodeId {
        until("a leader", async || {
            let id: u64 = (1..)
                .zip(&self.nodes)
                .find(|(_, node)| node.is_some())
                .unwrap()
                .0;
            self.status(id).await.leader
        })
        .await
    }

    pub async fn descriptor(&self) -> Descriptor {
        let info: ClusterInfo = send(self.url(1), "GET", paths::CLUSTER, &[], b"")
            .await
            .read();
        assert_eq!(info.descriptors.first.founds(), Some(self.cluster));
        info.descriptors.newest().clone()
    }
}

/// The data folders of stopped nodes, which are removed when this is dropped.
pub struct StoppedFolders {
    folders: Vec<PathBuf>,
    _folder: TempDir,
}

impl std::ops::Deref for StoppedFolders {
    type Target = [PathBuf];

    fn deref(&self) -> &[PathBuf] {
        &self.folders
    }
}

/// As many free bytes as a test says: all by default.
#[derive(Debug, Default)]
pub struct Meter {
    taken: AtomicU64,
}

impl SpaceMeter for Meter {
    fn measure(&self, _folder: &Path) -> io::Result<Option<Measured>> {
        Ok(Some(Measured {
            free: u64::MAX - self.taken.load(Ordering::Relaxed),
            size: u64::MAX,
        }))
    }
}

async fn start_one(config: Config, meter: &Arc<Meter>) -> Result<Node, StartError> {
    let options = Options {
        meter: meter.clone(),
        ..Options::default()
    };
    Node::start_with(config, options).await
}

async fn start(configs: &[Config], meters: &[Arc<Meter>]) -> (Vec<Node>, ClusterId) {
    let each = configs.iter().cloned().zip(meters);
    let nodes: Vec<Node> = join_all(each.map(|(config, meter)| start_one(config, meter)))
        .await
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let ready = join_all(nodes.iter().map(Node::ready));
    let clusters = timeout(DEADLINE, ready).await.expect("the cluster forms");
    assert!(clusters.iter().all(|cluster| *cluster == clusters[0]));
    (nodes, clusters[0])
}

/// Waits until the condition gives a value.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} in time");
        sleep(Duration::from_millis(20)).await;
    }
}

fn decisions(folder: &Path, id: NodeId) -> PathBuf {
    folder.join(format!("decisions-{id}.jsonl"))
}

/// Election timeouts are long, because all nodes share one busy machine and no test measures
/// failover.
fn config(id: NodeId, folder: &Path, peers: BTreeMap<NodeId, String>) -> Config {
    Config {
        id,
        data: folder.join(format!("node-{id}")),
        worker: false,
        peers,
        listen: None,
        http: ([127, 0, 0, 1], 0).into(),
        http_url: None,
        metrics: None,
        credential: CredentialFile::Secret(folder.join("secret")),
        registration: RegistrationMode::Open,
        decisions: Some(decisions(folder, id)),
        #[cfg(feature = "baselines")]
        baseline: Default::default(),
        job_memory: None,
        disk_reserve: None,
        heartbeat: Duration::from_millis(100),
        election_min: Duration::from_millis(500),
        election_max: Duration::from_millis(1_000),
        snapshot_after: 50_000,
        folder_is_newest: false,
    }
}
