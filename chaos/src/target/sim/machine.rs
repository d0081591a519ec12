//! One simulated machine and the node on it, from start to start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cameo_cluster::config::{CommandLine, Config};
use cameo_cluster::floor::{self, Owner};
use cameo_cluster::host::blocking::Blocking;
use cameo_cluster::host::disk_space::DiskSpace;
use cameo_cluster::host::rng::NodeRng;
use cameo_cluster::jobs::JobCost;
use cameo_cluster::link::ClusterSecret;
use cameo_cluster::node::{Credential, Host, JobSlots, Node, NodeStorage, SecretFile};
use cameo_cluster::operator::TokenFile;
use cameo_cluster::raft::Raft;
use cameo_cluster::raft::memory::{MemoryDisk, MemoryState};
use cameo_cluster::store::Decider;
use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::SigningKey;
use clap::Parser as _;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::clock::SimClock;
use super::disk::SimDisk;
use super::lies::Lies;
use super::network::SimNetwork;

/// Port of the links between nodes.
const LINK_PORT: u16 = 7001;
/// Port of the API.
pub(super) const API_PORT: u16 = 7101;
/// Small, so that a short run has snapshots, purges and installs.
const SNAPSHOT_AFTER: u64 = 300;
/// CPU that a machine has for jobs: two slots.
const JOB_MILLICORES: u32 = 4000;
/// More than any simulated run opens.
const CLIENT_CONNECTIONS: usize = 1_000;
/// Any bytes: all nodes have the same.
const SECRET: &[u8] = b"the secret of a simulated cluster";
/// Seed of the operator's key.
const OPERATOR: [u8; 32] = [8; 32];

/// The name of a node's machine.
pub(super) fn name(node: NodeId) -> String {
    format!("n{node}")
}

/// How a node's process ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// As it was asked to.
    Stopped,
    Failed(String),
}

/// What a running process can be asked from outside.
#[derive(Clone)]
pub(super) struct Process {
    pub raft: Raft,
    pub state: MemoryState,
}

/// A machine. Disk and clock outlive the processes.
pub(super) struct Machine {
    pub id: NodeId,
    pub name: String,
    pub disk: MemoryDisk,
    pub model: Arc<SimDisk>,
    pub clock: Arc<SimClock>,
    network: SimNetwork,
    lies: Lies,
    config: Config,
    joins: Option<ClusterId>,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    starts: u64,
    /// Asks the running process to stop in order.
    stop: Arc<Notify>,
    process: Option<Process>,
    ended: Option<Ended>,
}

/// Which node a machine has.
pub(super) struct Installation {
    pub id: NodeId,
    /// Nodes that it knows: all founders, or for a worker members.
    pub peers: Vec<NodeId>,
    /// The cluster that a worker joins; none of a founder.
    pub joins: Option<ClusterId>,
    pub data: PathBuf,
    /// File of its decision log, beside the history.
    pub decisions: PathBuf,
    pub seed: u64,
}

impl Machine {
    pub(super) fn new(of: Installation, network: SimNetwork, lies: Lies) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&of.data)?;
        let model = Arc::new(SimDisk::new(of.seed));
        let decider = Decider::new(Arc::default(), NodeRng::of_seed(!of.seed));
        Ok(Self {
            id: of.id,
            name: name(of.id),
            disk: MemoryDisk::with_model(Arc::new(decider), model.clone()),
            model,
            clock: Arc::default(),
            network,
            lies,
            config: config(&of)?,
            joins: of.joins,
            seed: of.seed,
            state: Mutex::default(),
        })
    }

    /// Number of the process that runs or ran last.
    pub(super) fn starts(&self) -> u64 {
        self.state.lock().starts
    }

    /// The running process, once its node has started.
    pub(super) fn process(&self) -> Option<Process> {
        self.state.lock().process.clone()
    }

    /// The cluster of the node, once its running process knows it.
    pub(super) fn cluster(&self) -> Option<ClusterId> {
        self.state.lock().process.as_ref()?.raft.cluster()
    }

    /// How the process ended by itself, until it is forgotten.
    pub(super) fn ended(&self) -> Option<Ended> {
        self.state.lock().ended.clone()
    }

    /// Asks the process that runs to stop in order. A later one is not asked.
    pub(super) fn stop(&self) {
        self.state.lock().stop.notify_one();
    }

    /// Forgets the process, which is gone or about to be.
    pub(super) fn forget_process(&self) {
        let mut state = self.state.lock();
        state.process = None;
        state.ended = None;
    }

    /// The process of one start. It does not return: the cluster ends it.
    pub(super) async fn run(self: Arc<Self>) -> turmoil::Result {
        let stop = Arc::new(Notify::new());
        {
            let mut state = self.state.lock();
            state.starts += 1;
            state.stop = stop.clone();
        }
        let ended = match self.start().await {
            Ok(node) => self.serve(node, &stop).await,
            Err(why) => Ended::Failed(why.to_string()),
        };
        self.state.lock().ended = Some(ended);
        std::future::pending().await
    }

    async fn start(&self) -> anyhow::Result<Node> {
        let mut storage = self.disk.storage();
        let floor = storage.log.floor_disk();
        let quarantine = storage.log.quarantine_disk();
        let (node, new_floor) = (self.id, floor.clone());
        storage.record_cluster =
            Arc::new(move |cluster| floor::create(&*new_floor, Owner { node, cluster }));
        let state = storage.state_machine.clone();
        let closed = state.clone();
        let storage = NodeStorage {
            raft: storage,
            state: Arc::new(state.clone()),
            floor,
            quarantine,
            snapshots: None,
            predecessor: None,
            space: DiskSpace::unlimited(),
            close: Box::new(move || {
                closed.drain();
                Ok(())
            }),
        };
        let credential = self.credential()?;
        let node = Node::start_on(self.host(), self.config.clone(), credential, storage).await?;
        self.state.lock().process = Some(Process {
            raft: node.raft().clone(),
            state,
        });
        Ok(node)
    }

    async fn serve(&self, node: Node, stop: &Notify) -> Ended {
        let raft = node.raft().clone();
        tokio::select! {
            biased;
            () = stop.notified() => match node.stop().await {
                Ok(()) => Ended::Stopped,
                Err(why) => Ended::Failed(why.to_string()),
            },
            why = node.wait_until_failed() => Ended::Failed(why),
            why = node.wait_until_refused() => Ended::Failed(why),
            () = self.lies.forge_on(self.id, &raft) => Ended::Stopped,
        }
    }

    fn credential(&self) -> anyhow::Result<Credential> {
        let operator = SigningKey::from_seed(OPERATOR);
        let Some(cluster) = self.joins else {
            return Ok(Credential::Secret(SecretFile {
                secret: Arc::new(ClusterSecret::from_bytes(SECRET.to_vec())?),
                operator: operator.public(),
            }));
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.id.0.to_le_bytes());
        let (never, peers) = (Millis(u64::MAX), BTreeMap::new());
        let token = TokenFile::sign(&operator, cluster, &seed, never, peers);
        Ok(Credential::Token(token))
    }

    fn host(&self) -> Host {
        Host {
            transport: Arc::new(self.network.clone()),
            clock: self.clock.clone(),
            rng: NodeRng::of_seed(self.seed ^ (self.starts() << 32)),
            blocking: Blocking::Inline,
            signatures: Arc::default(),
            latencies: Arc::default(),
            raft_runtime: Some(Handle::current()),
            jobs: JobSlots::Simulated {
                millicores: JOB_MILLICORES,
                cost: JobCost::new(cost),
            },
            client_connections: CLIENT_CONNECTIONS,
        }
    }
}

/// Time that a job takes: as of a small photo on a slow machine.
fn cost(input: &[u8]) -> Duration {
    Duration::from_millis(20) + Duration::from_micros(input.len() as u64)
}

/// The configuration, by way of the command line that the real program has.
fn config(of: &Installation) -> anyhow::Result<Config> {
    let name = name(of.id);
    let peers = of.peers.iter().chain([&of.id]);
    let mut peers: Vec<_> = peers.map(|id| format!("{id}=n{id}:{LINK_PORT}")).collect();
    peers.sort();
    peers.dedup();
    let mut line = vec!["cameod".to_owned()];
    let mut flag = |flag: &str, value: String| line.extend([flag.to_owned(), value]);
    flag("--id", of.id.to_string());
    flag("--data", of.data.display().to_string());
    flag("--peers", peers.join(","));
    flag("--http", format!("127.0.0.1:{API_PORT}"));
    flag("--http-url", format!("https://{name}:{API_PORT}"));
    let credential = if of.joins.is_some() {
        "--token"
    } else {
        "--secret"
    };
    flag(credential, "unused".to_owned());
    flag("--snapshot-after", SNAPSHOT_AFTER.to_string());
    flag("--decisions", of.decisions.display().to_string());
    if of.joins.is_some() {
        line.push("--worker".to_owned());
    }
    let run = CommandLine::try_parse_from(line)?.run;
    let flags = run.ok_or_else(|| anyhow::anyhow!("the flags run no node"))?;
    Ok(flags.check()?)
}
