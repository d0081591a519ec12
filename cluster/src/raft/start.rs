//! From the operator's words and opened storage to a running node.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cameo_common::ids::NodeId;
use openraft::async_runtime::WatchReceiver;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::client::read;
use super::engine::config::{self, SNAPSHOT_AFTER_ENTRIES, Timing};
use super::engine::consensus::{self, Consensus, Storage};
use super::engine::runtime::RaftThread;
use super::engine::status::{self, Leadership};
use super::genesis::{GenesisMember, RecordError, RecordFile};
use super::members::bootstrap::Founder;
use super::members::join::Joiner;
use super::members::local_member::{Belonging, random};
use super::members::member_view::Membership;
use super::ports::{AppService, ReportSink, ReportSource, Stamp, WallClock};
use super::rpc::network::Network;
use super::rpc::snapshots::{Inbox, SnapshotPort};
use super::service::NodeService;
use super::shared::{Running, Shared};
use super::time::clock::Clocks;
use crate::consensus_types::TypeConfig;
use crate::link::{ClusterSecret, Identity, Links, NodeKeys, Server, Transport};

/// What the operator says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This node's Raft id.
    pub id: NodeId,
    /// The data directory; it exists.
    pub data: PathBuf,
    /// `host:port` to listen on for node links.
    pub listen: String,
    /// Base URL of this node's HTTP API, as clients reach it.
    pub http: String,
    /// Joins a running cluster as a worker, without a vote, in place of founding one.
    pub worker: bool,
    /// All founding nodes and where their links listen, this node among them; for a worker, itself and
    /// members that let it in.
    pub peers: BTreeMap<NodeId, String>,
    /// Heartbeat and election timeouts.
    pub timing: Timing,
    /// Entries between snapshots.
    pub snapshot_after: u64,
}

impl Settings {
    /// Default timing and snapshots.
    pub fn new(
        id: NodeId,
        data: PathBuf,
        listen: String,
        http: String,
        peers: BTreeMap<NodeId, String>,
    ) -> Self {
        Self {
            id,
            data,
            listen,
            http,
            worker: false,
            peers,
            timing: Timing::default(),
            snapshot_after: SNAPSHOT_AFTER_ENTRIES,
        }
    }
}

/// What the rest of the node lends to Raft.
#[derive(Clone)]
pub struct Parts {
    /// This node's keys.
    pub keys: Arc<NodeKeys>,
    /// The cluster's secret.
    pub secret: Arc<ClusterSecret>,
    /// TCP, or a simulated network.
    pub transport: Arc<dyn Transport>,
    /// This node's wall clock.
    pub wall: Arc<dyn WallClock>,
    /// Makes entries out of commands.
    pub stamp: Arc<dyn Stamp>,
    /// This node's load.
    pub report: Arc<dyn ReportSource>,
    /// Takes the others' load, while this node leads.
    pub sink: Arc<dyn ReportSink>,
    /// The node's own requests.
    pub app: Arc<dyn AppService>,
    /// Where `app` runs; never Raft's thread.
    pub app_runtime: Handle,
    /// Where Raft runs; `None` gives it a thread of its own. The simulator gives its own.
    pub raft_runtime: Option<Handle>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts(..)")
    }
}

/// Why Raft did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("--peers does not name node {0} itself; it lists every founding node")]
    NotAPeer(NodeId),
    #[error("this directory belongs to node {0}, which has a vote: start it without --worker")]
    Votes(NodeId),
    #[error("this directory belongs to node {0}, which is a worker: start it with --worker")]
    IsWorker(NodeId),
    #[error("the election timing is impossible: {0}")]
    Timing(String),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(
        "this directory belongs to a cluster and had a log, and the log is gone: this node has forgotten its promises and will not vote; restore the directory, or remove the node and add it under a new id"
    )]
    LogLost,
    #[error(
        "this directory has a log, but the record of its cluster is gone; restore the file `genesis`, or remove the node and add it under a new id"
    )]
    RecordLost,
    #[error("the directory belongs to another cluster: {0}")]
    OtherCluster(std::io::Error),
    #[error("cannot listen for nodes on {address}: {source}")]
    Listen {
        address: String,
        source: std::io::Error,
    },
    #[error("cannot start: {0}")]
    Failed(String),
}

pub(super) async fn start<L, SM, P>(
    settings: Settings,
    parts: Parts,
    storage: Storage<L, SM, P>,
    runtime: Handle,
    thread: Option<RaftThread>,
) -> Result<Arc<Shared>, StartError>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig>,
    SM::SnapshotData: Sync,
    P: SnapshotPort<Data = SM::SnapshotData>,
{
    let id = settings.id;
    let failed = |error: String| StartError::Failed(error);
    let config = config::openraft_config(settings.timing, settings.snapshot_after)
        .map_err(|error| StartError::Timing(error.to_string()))?;
    let (own, initialised) = belonging(&settings, &parts, &storage)?;
    let own = Arc::new(own);
    let founder = (!settings.worker).then(|| Arc::new(Founder { own: own.clone() }));
    let membership = own.membership.clone();

    let identity = Identity {
        node: id,
        keys: parts.keys.clone(),
        secret: parts.secret.clone(),
        admission: membership.clone(),
    };
    let links = Links::new(identity.clone(), parts.transport.clone(), runtime.clone())
        .map_err(|error| failed(error.to_string()))?;
    let clocks = Arc::new(Clocks::new());
    let port = Arc::new(storage.snapshots);
    let network = Network {
        me: id,
        links: links.clone(),
        clocks: clocks.clone(),
        sink: parts.sink.clone(),
        port: port.clone(),
    };
    let inbox = Arc::new(Inbox::new(port));
    let node = consensus::build(
        id,
        config,
        network,
        storage.log,
        storage.state_machine,
        inbox,
    );
    let consensus: Arc<dyn Consensus> = Arc::new(node.await.map_err(failed)?);
    let _ = membership.consensus.set(consensus.clone());

    let late_shared = Arc::new(OnceLock::new());
    let service = Arc::new(NodeService {
        own: own.clone(),
        founder: founder.clone(),
        consensus: consensus.clone(),
        shared: late_shared.clone(),
        wall: parts.wall.clone(),
        report: parts.report.clone(),
        app: parts.app.clone(),
        app_runtime: parts.app_runtime.clone(),
    });
    let listen = settings.listen.clone();
    let server = Server::start(identity, &*parts.transport, listen.clone(), service)
        .await
        .map_err(|source| StartError::Listen {
            address: listen,
            source,
        })?;

    let (leadership, leads) = watch::channel(Leadership::default());
    let (applied, applies) = watch::channel(0);
    let (readers, waiting) = read::queue();
    let shared = Arc::new(Shared {
        id,
        consensus: consensus.clone(),
        membership,
        links: links.clone(),
        clocks,
        wall: parts.wall,
        stamp: parts.stamp,
        leadership: leads,
        applied: applies,
        readers,
        stopping: AtomicBool::new(false),
        address: server.address(),
        running: Mutex::new(None),
    });
    let _ = late_shared.set(shared.clone());
    let (for_readers, for_clock) = (shared.clone(), shared.clone());
    let tasks = vec![
        tokio::spawn(follow(consensus.clone(), leadership, applied)),
        tokio::spawn(async move { for_readers.serve_readers(waiting).await }),
        tokio::spawn(async move { for_clock.watch_own_clock().await }),
        match founder {
            Some(founder) => tokio::spawn(founder.run(links, consensus, initialised)),
            None => tokio::spawn(Joiner { own, links }.run(initialised)),
        },
    ];
    *shared
        .running
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(Running {
        server,
        tasks,
        runtime,
        thread,
    });
    Ok(shared)
}

/// Reads the record of the cluster and checks it against the directory.
fn belonging<L, SM, P>(
    settings: &Settings,
    parts: &Parts,
    storage: &Storage<L, SM, P>,
) -> Result<(Belonging, bool), StartError> {
    let id = settings.id;
    let link = settings
        .peers
        .get(&id)
        .cloned()
        .ok_or(StartError::NotAPeer(id))?;
    let file = RecordFile::of(&settings.data);
    let record = file.load(id)?;
    let initialised = record.as_ref().is_some_and(|record| record.initialised);
    if initialised && storage.pristine {
        return Err(StartError::LogLost);
    }
    if record.is_none() && !storage.pristine {
        return Err(StartError::RecordLost);
    }
    let membership = Membership::new("looking for the other nodes");
    if let Some(record) = record {
        match (record.genesis.member(id).is_some(), settings.worker) {
            (true, true) => return Err(StartError::Votes(id)),
            (false, false) => return Err(StartError::IsWorker(id)),
            _ => {}
        }
        (storage.remember)(record.genesis.cluster_id()).map_err(StartError::OtherCluster)?;
        membership.belongs(record.genesis);
        // A worker that knows its cluster may not have been let in yet.
        if initialised || !settings.worker {
            membership.formed();
        }
    }
    let own = Belonging {
        me: GenesisMember {
            id,
            link,
            http: settings.http.clone(),
            key: parts.keys.public(),
            sealing: parts.keys.sealing_public(),
        },
        token: random().map_err(StartError::Failed)?,
        peers: settings.peers.clone(),
        membership: Arc::new(membership),
        file,
        remember: storage.remember.clone(),
        started_empty: storage.pristine,
        recording: Mutex::new(()),
    };
    Ok((own, initialised))
}

/// Turns openraft's metrics into what others watch.
async fn follow(
    consensus: Arc<dyn Consensus>,
    leadership: watch::Sender<Leadership>,
    applied: watch::Sender<u64>,
) {
    let mut metrics = consensus.metrics();
    loop {
        {
            let now = metrics.borrow_watched();
            let leads = status::leadership(&now);
            leadership.send_if_modified(|before| {
                let changed = *before != leads;
                *before = leads;
                changed
            });
            let index = status::applied(&now);
            applied.send_if_modified(|before| {
                let changed = *before != index;
                *before = index;
                changed
            });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
