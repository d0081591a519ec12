//! Starting, holding and stopping Raft.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::clock::Clocks;
use super::config::{self, SNAPSHOT_AFTER_ENTRIES, Timing};
use super::consensus::{self, Consensus, Storage};
use super::forming::{Forming, Founder, random};
use super::genesis::{Genesis, GenesisMember, RecordError, RecordFile};
use super::membership::Membership;
use super::network::Network;
use super::propose::{ProposeError, Proposed};
use super::read::{self, ReadError, Reader};
use super::runtime::RaftThread;
use super::seams::{AppService, ReportSink, ReportSource, Stamp, WallClock};
use super::service::NodeService;
use super::snapshot::{Inbox, SnapshotPort};
use super::status::{self, Leadership, Status};
use super::types::TypeConfig;
use super::wire::{NodeReply, NodeRequest, decode, encode};
use crate::link::{
    CallError, ClusterId, ClusterSecret, Identity, Lane, Links, NodeKeys, Server, Transport,
};

/// For a stopping leader to see another one.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(1);
/// Between looks at the leader's own clock.
const CLOCK_CHECK_PAUSE: Duration = Duration::from_millis(500);

/// What the operator says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This node's Raft id.
    pub id: u64,
    /// The data directory; it exists.
    pub data: PathBuf,
    /// `host:port` to listen on for node links.
    pub listen: String,
    /// Base URL of this node's HTTP API, as clients reach it.
    pub http: String,
    /// All founding nodes and where their links listen, this node among them.
    pub peers: BTreeMap<u64, String>,
    /// Heartbeat and election timeouts.
    pub timing: Timing,
    /// Entries between snapshots.
    pub snapshot_after: u64,
}

impl Settings {
    /// Default timing and snapshots.
    pub fn new(
        id: u64,
        data: PathBuf,
        listen: String,
        http: String,
        peers: BTreeMap<u64, String>,
    ) -> Self {
        Self {
            id,
            data,
            listen,
            http,
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
    NotAPeer(u64),
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

/// Why an `App` request brought no answer.
#[derive(Debug, Clone, Error)]
pub enum AskError {
    #[error("node {0} is not a member")]
    NotMember(u64),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
}

/// The handle to this node's Raft: cheap to clone, good on every runtime.
#[derive(Clone)]
pub struct Raft {
    shared: Arc<Shared>,
}

impl fmt::Debug for Raft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raft(node {})", self.shared.id)
    }
}

/// What handle, service and tasks have in common.
pub(super) struct Shared {
    pub id: u64,
    pub consensus: Arc<dyn Consensus>,
    pub membership: Arc<Membership>,
    pub links: Links,
    pub clocks: Arc<Clocks>,
    pub wall: Arc<dyn WallClock>,
    pub stamp: Arc<dyn Stamp>,
    pub leadership: watch::Receiver<Leadership>,
    pub applied: watch::Receiver<u64>,
    pub readers: mpsc::Sender<Reader>,
    stopping: AtomicBool,
    address: SocketAddr,
    running: Mutex<Option<Running>>,
}

/// What ends when the node stops.
struct Running {
    /// Closes the port and the connections.
    _server: Server,
    tasks: Vec<JoinHandle<()>>,
    runtime: Handle,
    /// Ends the thread; dropped last.
    _thread: Option<RaftThread>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn voters(&self) -> BTreeSet<u64> {
        let metrics = self.consensus.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.voter_ids().collect()
    }

    pub(super) fn log_time(&self) -> Option<super::clock::LogTime> {
        let own = self.wall.unix_millis();
        self.clocks.log_time(self.id, own, &self.voters())
    }

    /// Hands leadership over while this node's clock is off.
    async fn watch_own_clock(&self) {
        loop {
            sleep(CLOCK_CHECK_PAUSE).await;
            if !self.leadership.borrow().here {
                continue;
            }
            if !self.log_time().is_some_and(|time| time.hand_over) {
                continue;
            }
            let others = self.clocks.others(self.id, &self.voters());
            if let Some(successor) = middle(others) {
                tracing::warn!(successor, "this node's clock is off; handing over");
                self.consensus.hand_over(successor).await;
            }
        }
    }

    /// The voter to hand over to: the one whose log is furthest.
    fn successor(&self) -> Option<u64> {
        let voters = self.voters();
        let metrics = self.consensus.metrics();
        let metrics = metrics.borrow_watched();
        let replication = metrics.replication.as_ref()?;
        replication
            .iter()
            .filter(|(node, _)| **node != self.id && voters.contains(node))
            .max_by_key(|(_, matching)| matching.as_ref().map(|id| id.index()))
            .map(|(node, _)| *node)
    }

    async fn hand_over(&self) {
        let mut leadership = self.leadership.clone();
        if !leadership.borrow().here {
            return;
        }
        let Some(successor) = self.successor() else {
            return;
        };
        self.consensus.hand_over(successor).await;
        let gone = leadership.wait_for(|now| !now.here && now.leader.is_some());
        if timeout(HANDOVER_TIMEOUT, gone).await.is_err() {
            tracing::warn!(successor, "nobody took over in time; stopping all the same");
        }
    }
}

/// The node with the middle one of these clocks.
fn middle(clocks: BTreeMap<u64, u64>) -> Option<u64> {
    let mut clocks: Vec<(u64, u64)> = clocks.into_iter().map(|(node, at)| (at, node)).collect();
    clocks.sort_unstable();
    let middle = clocks.len().checked_sub(1)? / 2;
    clocks.get(middle).map(|(_, node)| *node)
}

impl Raft {
    /// Starts Raft over opened storage. Returns before a cluster has formed: see `forming`.
    pub async fn start<L, SM, P>(
        settings: Settings,
        parts: Parts,
        storage: Storage<L, SM, P>,
    ) -> Result<Self, StartError>
    where
        L: RaftLogStorage<TypeConfig>,
        SM: RaftStateMachine<TypeConfig>,
        SM::SnapshotData: Sync,
        P: SnapshotPort<Data = SM::SnapshotData>,
    {
        let failed = |error: &dyn fmt::Display| StartError::Failed(error.to_string());
        let (runtime, thread) = match parts.raft_runtime.clone() {
            Some(handle) => (handle, None),
            None => {
                let thread = RaftThread::start(settings.id).map_err(|error| failed(&error))?;
                (thread.handle.clone(), Some(thread))
            }
        };
        let started = runtime.spawn(start(settings, parts, storage, runtime.clone(), thread));
        started.await.map_err(|error| failed(&error))?
    }

    /// Proposes a command and waits until it is applied. At a follower, by way of the leader.
    pub async fn propose(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> Result<Proposed, ProposeError> {
        self.shared.propose(command, deadline).await
    }

    /// Waits until all that was acknowledged anywhere before this call is applied here. Returns an
    /// applied index: what is read from the state after it is linearizable.
    pub async fn barrier(&self, deadline: Instant) -> Result<u64, ReadError> {
        self.shared.barrier(deadline).await
    }

    /// What this node knows.
    pub fn status(&self) -> Status {
        let metrics = self.shared.consensus.metrics();
        let metrics = metrics.borrow_watched();
        status::status(&metrics)
    }

    /// Who leads, and each change of it.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.shared.leadership.clone()
    }

    /// The last index applied here, and each change of it.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.shared.applied.clone()
    }

    /// Whether this node belongs to a cluster, and why not yet.
    pub fn forming(&self) -> watch::Receiver<Forming> {
        self.shared.membership.forming.subscribe()
    }

    /// Waits until it does.
    pub async fn formed(&self) -> Arc<Genesis> {
        let mut forming = self.forming();
        loop {
            if let Forming::Formed { genesis } = &*forming.borrow_and_update() {
                return genesis.clone();
            }
            // The sender lives in `shared`, which `self` keeps.
            let _ = forming.changed().await;
        }
    }

    /// The cluster's id, once there is one.
    pub fn cluster(&self) -> Option<ClusterId> {
        let genesis = self.shared.membership.genesis()?;
        Some(genesis.cluster_id())
    }

    /// Asks another member's `AppService`.
    pub async fn ask(
        &self,
        node: u64,
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, AskError> {
        let member = self
            .shared
            .membership
            .member(node)
            .ok_or(AskError::NotMember(node))?;
        let malformed = |error: &dyn fmt::Display| AskError::Malformed(error.to_string());
        let request = encode(&NodeRequest::App(body)).map_err(|error| malformed(&error))?;
        let link = self.shared.links.member(node, &member.link, Lane::App);
        let reply = link.call(&request, deadline).await?;
        match decode(&reply).map_err(|error| malformed(&error))? {
            NodeReply::App(body) => Ok(body),
            _ => Err(malformed(&"it answers something else")),
        }
    }

    /// What this node would stamp on an entry now, in milliseconds since 1970; `None` while it
    /// knows too few of the voters' clocks.
    pub fn log_time(&self) -> Option<u64> {
        self.shared.log_time().map(|time| time.millis)
    }

    /// Where this node listens for others.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Has a snapshot made now.
    pub async fn build_snapshot(&self) {
        self.shared.consensus.build_snapshot().await;
    }

    /// Hands leadership over, if it has it, and ends. Proposals under way end as `Unknown`.
    pub async fn stop(&self) {
        if !self.shared.stopping.swap(true, Ordering::AcqRel) {
            self.shared.hand_over().await;
            self.end().await;
        }
    }

    /// Ends at once and tells nobody, as a crash would. For tests and the simulator.
    pub async fn halt(&self) {
        if !self.shared.stopping.swap(true, Ordering::AcqRel) {
            self.end().await;
        }
    }

    async fn end(&self) {
        let consensus = self.shared.consensus.clone();
        let running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(running) = running else { return };
        let ended = running
            .runtime
            .spawn(async move { consensus.shutdown().await });
        if let Err(error) = ended.await {
            tracing::warn!(%error, "raft did not end well");
        }
        self.shared.links.close();
    }
}

async fn start<L, SM, P>(
    settings: Settings,
    parts: Parts,
    storage: Storage<L, SM, P>,
    runtime: Handle,
    thread: Option<RaftThread>,
) -> Result<Raft, StartError>
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
    let (founder, initialised) = founder(&settings, &parts, &storage)?;
    let founder = Arc::new(founder);
    let membership = founder.membership.clone();

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
        tokio::spawn(founder.run(links, consensus, initialised)),
    ];
    *shared
        .running
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(Running {
        _server: server,
        tasks,
        runtime,
        _thread: thread,
    });
    Ok(Raft { shared })
}

/// Reads the record of the cluster and checks it against the directory.
fn founder<L, SM, P>(
    settings: &Settings,
    parts: &Parts,
    storage: &Storage<L, SM, P>,
) -> Result<(Founder, bool), StartError> {
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
    let forming = match record {
        None => Forming::Waiting {
            why: "looking for the other nodes".into(),
        },
        Some(record) => {
            (storage.remember)(record.genesis.cluster_id()).map_err(StartError::OtherCluster)?;
            Forming::Formed {
                genesis: Arc::new(record.genesis),
            }
        }
    };
    let founder = Founder {
        me: GenesisMember {
            id,
            link,
            http: settings.http.clone(),
            key: parts.keys.public(),
            sealing: parts.keys.sealing_public(),
        },
        token: random().map_err(StartError::Failed)?,
        peers: settings.peers.clone(),
        membership: Arc::new(Membership::new(forming)),
        file,
        remember: storage.remember.clone(),
        started_empty: storage.pristine,
        recording: Mutex::new(()),
    };
    Ok((founder, initialised))
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
