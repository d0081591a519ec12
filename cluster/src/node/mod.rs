//! A running node: the only place where its parts meet.
//!
//! Raft has a thread of its own and jobs have theirs; HTTP, presence and the event streams run on
//! the runtime that starts the node.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};

use crate::config::Config;
use crate::event_stream::Streams;
use crate::host::rng::Entropy;
use crate::host::thread_priority;
use crate::http::{self, Api};
use crate::jobs::worker::output::DOWNLOAD_DEADLINE;
use crate::jobs::{
    Codec, DecisionLog, DecisionLogError, Dispatcher, Reporter, Worker, WorkerSettings,
    available_millicores,
};
use crate::key_release::Releaser;
use crate::link::{ClusterSecret, NodeKeyError, NodeKeys, TcpTransport};
use crate::node_rpc::{NodeCalls, Pieces};
use crate::presence::{Presence, Renewals};
use crate::raft::{self, Forming, Genesis, Raft, SystemClock, Timing, WallClock};
use crate::raft::{Decider, RaftReplica, Replica, Stamper};
use crate::store::{
    NodeRecord, OpenError, Opened, Options, Snapshots, State, StateMachine, Store, Wal,
};
use cameo_machine::read;
use deferred::{Answering, Membership, Reports};
use leader::Leader;
use secret_file::SecretFileError;

pub mod deferred;
pub mod leader;
pub mod secret_file;
mod serving;

use serving::{Serving, serve};

/// How long the clients' last calls have at the end.
const HTTP_DRAIN: Duration = Duration::from_secs(5);
/// How long the jobs that were taken up have at the end.
const JOBS_DRAIN: Duration = Duration::from_secs(20);
/// How often the node looks whether a part of it has failed.
const HEALTH_CHECK: Duration = Duration::from_millis(250);

/// Why a node does not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error("cannot use the data folder {path}: {error}")]
    Data { path: String, error: io::Error },
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Decisions(#[from] DecisionLogError),
    #[error(transparent)]
    Keys(#[from] NodeKeyError),
    #[error(
        "cannot serve clients on {address}: {error}; stop what listens there, or choose another --http"
    )]
    Http {
        address: SocketAddr,
        error: io::Error,
    },
    #[error(transparent)]
    Raft(#[from] raft::StartError),
    #[error("the system gives the node no threads or no randomness: {0}")]
    System(String),
}

/// Where a node is on its way into its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Not there yet, and why.
    Waiting(String),
    /// Serves the cluster with this id.
    Ready(ClusterId),
}

/// A node, from its start to its stop.
pub struct Node {
    id: NodeId,
    url: String,
    raft: Raft,
    state: State,
    store: OpenStore,
    worker: Worker,
    decisions: Option<Arc<DecisionLog>>,
    stage: watch::Receiver<Stage>,
    stopping: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// What exists before Raft does.
struct Foundation {
    keys: Arc<NodeKeys>,
    secret: Arc<ClusterSecret>,
    entropy: Entropy,
    clock: Arc<dyn WallClock>,
    membership: Arc<Membership>,
    answering: Arc<Answering>,
    worker: Worker,
    reporter: Arc<Reporter>,
    dispatcher: Arc<Dispatcher>,
    decisions: Option<Arc<DecisionLog>>,
}

impl Node {
    /// Starts a node. Returns before its cluster has formed: see [`Node::stage`].
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let secret = Arc::new(secret_file::read(&config.secret)?);
        make_folder(&config)?;
        // Before the keys: the store takes no folder that is somebody else's.
        let opened = open_store(&config).await?;
        let foundation = Foundation::lay(&config, secret)?;
        let (listener, address) = listen(config.http).await?;
        let url = config
            .http_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"));

        let state = opened.state.clone();
        let (store, storage) = storage(config.id, opened);
        let raft = Raft::start(settings(&config, &url), foundation.parts(), storage).await?;

        let (stage, staged) = watch::channel(Stage::Waiting("starting".to_owned()));
        let stopping = watch::Sender::new(false);
        let worker = foundation.worker.clone();
        let decisions = foundation.decisions.clone();
        let serving = tokio::spawn(serve(Serving {
            id: config.id,
            foundation,
            raft: raft.clone(),
            state: state.clone(),
            listener,
            stage,
            stopping: stopping.subscribe(),
        }));
        Ok(Self {
            id: config.id,
            url,
            raft,
            state,
            store,
            worker,
            decisions,
            stage: staged,
            stopping,
            serving,
        })
    }

    /// The base URL that clients use.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the node is on its way, as it changes.
    #[must_use]
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.clone()
    }

    /// Waits until the node serves its cluster, and gives the cluster's id.
    pub async fn ready(&self) -> ClusterId {
        let mut stage = self.stage.clone();
        loop {
            if let Stage::Ready(cluster) = *stage.borrow_and_update() {
                return cluster;
            }
            if stage.changed().await.is_err() {
                // Nobody is left to make it ready: `failed` tells why.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until it is certain that the node comes into no cluster as it was started, and says why.
    pub async fn refused(&self) -> String {
        let mut forming = self.raft.forming();
        loop {
            if let Forming::Refused { why } = &*forming.borrow_and_update() {
                return why.clone();
            }
            if forming.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until a part of the node has failed for good, and says which and why.
    pub async fn failed(&self) -> String {
        loop {
            if let Some(why) = self.state.failure() {
                return format!("the state cannot be written: {why}");
            }
            if let Some(why) = self.raft.status().failure {
                return format!("consensus has stopped: {why}");
            }
            if self.serving.is_finished() && !*self.stopping.borrow() {
                return "the API has stopped".to_owned();
            }
            tokio::time::sleep(HEALTH_CHECK).await;
        }
    }

    /// Stops in order: jobs and calls under way are finished, leadership is handed over, and what
    /// was acknowledged is on the disk.
    ///
    /// # Errors
    /// When the state could not be written; the log has everything still.
    pub async fn stop(self) -> io::Result<()> {
        self.worker.drain();
        let drained = tokio::time::timeout(JOBS_DRAIN, self.worker.drained());
        if drained.await.is_err() {
            tracing::warn!("stopping with jobs unfinished: their clients will ask another worker");
        }
        self.stopping.send_replace(true);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(HTTP_DRAIN, self.serving)
            .await
            .is_err()
        {
            abort.abort();
            tracing::warn!("stopping with calls unfinished: their clients will ask another node");
        }
        self.raft.stop().await;
        let store = self.store.lock().take();
        let decisions = self.decisions;
        let close = move || {
            let closed = store.map_or(Ok(()), Store::close);
            if let Some(decisions) = decisions {
                decisions.close();
            }
            closed
        };
        tokio::task::spawn_blocking(close)
            .await
            .map_err(io::Error::other)?
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node {} at {}", self.id, self.url)
    }
}

impl Foundation {
    fn lay(config: &Config, secret: Arc<ClusterSecret>) -> Result<Self, StartError> {
        let system = |error: &dyn fmt::Display| StartError::System(error.to_string());
        let keys = Arc::new(NodeKeys::load_or_create(&config.data.join("node.key"))?);
        let entropy = Entropy::of_system().map_err(|error| system(&error))?;
        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        let membership = Arc::new(Membership::new(clock.clone()));
        let worker_settings = WorkerSettings {
            node: config.id,
            incarnation: entropy.number(),
            heartbeat: config.heartbeat,
            millicores: available_millicores(),
            memory: config.job_memory,
            download_deadline: DOWNLOAD_DEADLINE,
        };
        let worker = Worker::start(worker_settings, Arc::new(Codec), membership.clone())
            .map_err(|error| system(&error))?;
        let reporter = Arc::new(Reporter::start(&worker).map_err(|error| system(&error))?);
        let own = reporter.clone();
        let decisions = decision_log(config, &clock)?;
        let dispatcher = Dispatcher::new(
            config.id,
            Arc::new(keys.signing_key()),
            move || own.report(),
            config.heartbeat,
        );
        #[cfg(feature = "baselines")]
        let dispatcher =
            dispatcher.with_baseline(config.baseline.policy, config.baseline.reports_every);
        let dispatcher = match decisions.clone() {
            Some(log) => dispatcher.on_decision(move |decision| log.record(decision)),
            None => dispatcher,
        };
        let dispatcher = Arc::new(dispatcher);
        Ok(Self {
            keys,
            secret,
            entropy,
            clock,
            membership,
            answering: Arc::default(),
            worker,
            reporter,
            dispatcher,
            decisions,
        })
    }

    fn parts(&self) -> raft::Parts {
        raft::Parts {
            keys: self.keys.clone(),
            secret: self.secret.clone(),
            transport: TcpTransport::shared(),
            wall: self.clock.clone(),
            stamp: Arc::new(Stamper),
            report: self.reporter.clone(),
            sink: Arc::new(Reports(self.dispatcher.clone())),
            app: self.answering.clone(),
            app_runtime: tokio::runtime::Handle::current(),
            raft_runtime: None,
        }
    }
}

fn decision_log(
    config: &Config,
    clock: &Arc<dyn WallClock>,
) -> Result<Option<Arc<DecisionLog>>, StartError> {
    let open = |path: &PathBuf| DecisionLog::open(path, config.id, clock.clone());
    let log = config.decisions.as_ref().map(open).transpose()?;
    Ok(log.map(Arc::new))
}

fn make_folder(config: &Config) -> Result<(), StartError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
        .map_err(|error| StartError::Data {
            path: config.data.display().to_string(),
            error,
        })
}

async fn open_store(config: &Config) -> Result<Opened, StartError> {
    let data = config.data.clone();
    let (tell, opened) = oneshot::channel();
    std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(move || {
            // The threads that write and sync the log are started here, and inherit it.
            thread_priority::first();
            // A node that has given up does not want to know.
            let _ = tell.send(Store::open(&data, Arc::new(Decider), Options::default()));
        })
        .map_err(|error| StartError::System(error.to_string()))?;
    opened
        .await
        .map_err(|_| StartError::System("opening the store failed".to_owned()))?
        .map_err(StartError::from)
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound
        .await
        .map_err(|error| StartError::Http { address, error })
}

/// The store while it is open: Raft writes the node's identity to it, the stop closes it.
#[derive(Debug, Clone, Default)]
struct OpenStore(Arc<Mutex<Option<Store>>>);

impl OpenStore {
    fn lock(&self) -> MutexGuard<'_, Option<Store>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type RaftStorage = raft::Storage<Wal, StateMachine, Snapshots>;

/// The store's parts as Raft takes them, and the handle that closes it.
fn storage(id: NodeId, opened: Opened) -> (OpenStore, RaftStorage) {
    let store = OpenStore::default();
    *store.lock() = Some(opened.store);
    let remembering = store.clone();
    let remember = move |cluster| match &*remembering.lock() {
        Some(store) => store.write_node_record(NodeRecord {
            raft_id: id,
            cluster,
        }),
        None => Err(io::Error::other("the node is stopping")),
    };
    let storage = raft::Storage {
        log: opened.log,
        state_machine: opened.state_machine,
        snapshots: opened.snapshots,
        pristine: opened.pristine,
        remember: Arc::new(remember),
    };
    (store, storage)
}

fn settings(config: &Config, url: &str) -> raft::Settings {
    raft::Settings {
        id: config.id,
        data: config.data.clone(),
        listen: config.peers[&config.id].clone(),
        http: url.to_owned(),
        worker: config.worker,
        peers: config.peers.clone(),
        timing: Timing {
            heartbeat: config.heartbeat,
            election_min: config.election_min,
            election_max: config.election_max,
        },
        snapshot_after: config.snapshot_after,
    }
}

/// A formed node's parts, and the work that goes on as long as they live.
struct Wired {
    api: Api,
    cluster: ClusterId,
    replica: Arc<dyn Replica>,
    tasks: Vec<AbortHandle>,
}

impl Wired {
    fn new(
        id: NodeId,
        foundation: Foundation,
        raft: Raft,
        state: State,
        stopping: watch::Receiver<bool>,
        genesis: &Genesis,
    ) -> Self {
        let descriptor = genesis.descriptor();
        let cluster = ClusterId(descriptor.hash().0);
        foundation
            .membership
            .formed(raft.clone(), cluster, descriptor.clone());
        let replica: Arc<dyn Replica> = Arc::new(RaftReplica::new(raft, state));
        let presence = Arc::new(Presence::new(id));
        let streams = Arc::new(Streams::default());
        let calls = Arc::new(NodeCalls::new(Pieces {
            node: id,
            cluster,
            replica: replica.clone(),
            presence: presence.clone(),
            streams: streams.clone(),
            dispatcher: foundation.dispatcher.clone(),
            clock: foundation.clock.clone(),
            entropy: foundation.entropy.clone(),
        }));
        foundation.answering.begin(calls.clone());
        let (renewals, carry) = Renewals::new(calls.clone());
        let leader = Leader {
            node: id,
            founding: descriptor,
            replica: replica.clone(),
            presence: presence.clone(),
            dispatcher: foundation.dispatcher.clone(),
        };
        let swept = replica.clone();
        let tasks = vec![
            tokio::spawn(carry).abort_handle(),
            tokio::spawn(leader.serve()).abort_handle(),
            tokio::spawn(async move { presence.sweep(&*swept).await }).abort_handle(),
        ];
        let secret = foundation.keys.sealing_key();
        let api = Api::new(http::Parts {
            node: id,
            cluster,
            replica: replica.clone(),
            calls,
            renewals,
            streams,
            releaser: Releaser::new(id, secret, foundation.entropy),
            dispatcher: foundation.dispatcher,
            worker: foundation.worker,
            reporter: foundation.reporter,
            clock: foundation.clock,
            stopping,
        });
        Self {
            api,
            cluster,
            replica,
            tasks,
        }
    }

    /// Ready once the first entry is in this node's own state.
    async fn announce(&self, stage: &watch::Sender<Stage>) {
        stage.send_replace(Stage::Waiting("the cluster has no leader yet".to_owned()));
        let mut touched = self.replica.touched();
        while read::cluster_id(&*self.replica.view()).is_none() {
            // Nothing may be touched by a founding: looked at again after a while at most.
            let _woken = tokio::time::timeout(HEALTH_CHECK / 5, touched.recv()).await;
        }
        stage.send_replace(Stage::Ready(self.cluster));
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
