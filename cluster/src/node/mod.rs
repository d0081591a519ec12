//! A running node and its parts.
//!
//! A start builds, in this order: the opened store (`storage`), the parts that need no Raft, from
//! what the machine gives (`pre_raft_parts`, `host`), Raft itself, and the task of the HTTP
//! listener (`listener_task`). Once the cluster has formed, that task starts the services
//! (`formed_services`) and, with them, the leader's duties (`leader`). `stage` publishes the
//! progress.
//!
//! Raft and the jobs have threads of their own; HTTP, presence and the event streams run on the
//! runtime that starts the node.

mod credential;
mod deferred_rpc;
mod formed_services;
mod host;
pub mod leader;
mod listener_task;
mod load_reports;
mod node_rpc_answers;
mod pre_raft_parts;
pub mod secret_file;
mod stage;
mod start_error;
mod state_descriptors;
mod storage;
mod take_over;
mod voters_duty;
mod worker_gate;
mod worker_trust;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::PublicKey;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backup::KeptBackup;
use crate::config::Config;
use crate::floor::FloorMark;
use crate::host::blocking::Blocking;
use crate::host::disk_space::Reserve;
use crate::host::listen_error::{ListenError, ListenFlag};
use crate::http::{HttpPort, MAX_METRICS_CONNECTIONS, Security, ServeLimits};
use crate::jobs::{DecisionLog, Worker};
use crate::link::Transport;
use crate::raft::{self, AppliedState, BootstrapState, Entrance, Raft, RaftStorage, Timing};
use crate::store::{Decider, Options};
use listener_task::ListenerTask;
use pre_raft_parts::PreRaftParts;
use storage::{make_folder, open_store, storage};

pub use credential::Credential;
pub use host::{Host, JobSlots};
pub use secret_file::SecretFile;
pub use stage::Stage;
pub use start_error::StartError;
pub use storage::NodeStorage;

/// Time for calls in progress when the node stops.
const HTTP_DRAIN: Duration = Duration::from_secs(5);
/// Time for admitted jobs when the node stops.
const JOBS_DRAIN: Duration = Duration::from_secs(20);
/// Interval of the checks whether a part of the node has failed.
const HEALTH_CHECK: Duration = Duration::from_millis(250);

/// A node, from start to stop.
pub struct Node {
    id: NodeId,
    url: String,
    raft: Raft,
    state: Arc<dyn AppliedState>,
    close: Box<dyn FnOnce() -> io::Result<()> + Send>,
    blocking: Blocking,
    worker: Worker,
    decisions: Option<Arc<DecisionLog>>,
    stage: watch::Receiver<Stage>,
    stopping: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Node {
    /// Starts a node. Returns before its cluster has formed: see [`Node::stage`].
    ///
    /// # Errors
    /// When the secret, the data folder, the node key, the decision log, a port or the system's
    /// resources cannot be used: see [`StartError`]. Nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Options::default()).await
    }

    /// Starts a node with other limits of its store.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_with(config: Config, store: Options) -> Result<Self, StartError> {
        // Before any file: a folder that was opened with too few descriptors is hard to close well.
        let host = Host::of_machine()?;
        let (config, credential) = Credential::read(config)?;
        make_folder(&config)?;
        // Opened before the keys are created, because the store refuses a folder that is not its
        // own.
        let decider = Decider::new(host.signatures.clone(), host.rng.clone());
        let store = Options {
            latencies: host.latencies.clone(),
            reserve: config.disk_reserve.map_or(store.reserve, Reserve::Bytes),
            ..store
        };
        let opened = open_store(&config, decider, store).await?;
        let data = config.data.clone();
        let kept = host.blocking.run(move || KeptBackup::within(&data)).await;
        let kept = kept.map_err(|error| StartError::System(error.to_string()))??;
        let storage = storage(&config, host.blocking, opened, kept);
        Self::start_on(host, config, credential, storage).await
    }

    /// Starts a node on a host and storage of the caller's.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_on<S: RaftStorage>(
        host: Host,
        config: Config,
        credential: Credential,
        storage: NodeStorage<S>,
    ) -> Result<Self, StartError> {
        let (blocking, raft_runtime) = (host.blocking, host.raft_runtime.clone());
        let limits = ServeLimits::for_connections(host.client_connections);
        let parts = PreRaftParts::build(&config, host)?;
        let kept = storage.predecessor.clone();
        let predecessor = kept.as_ref().map(|kept| kept.predecessor());
        let key = PublicKey(parts.keys.public());
        let entrance = credential.entrance(&config, key, predecessor)?;
        let tls = Security::Tls(parts.acceptor()?);
        let port = listen(&*parts.transport, config.http, limits, tls);
        let port = port.await.map_err(at(ListenFlag::Http, config.http))?;
        let metrics = match config.metrics {
            Some(address) => {
                let limits = ServeLimits::for_connections(MAX_METRICS_CONNECTIONS);
                let port = listen(&*parts.transport, address, limits, Security::Plain);
                Some(port.await.map_err(at(ListenFlag::Metrics, address))?)
            }
            None => None,
        };
        let url = config
            .http_url
            .clone()
            .unwrap_or_else(|| format!("https://{}", port.address()));

        let settings = raft_settings(&config, &url, entrance);
        let mark = FloorMark::find(&*storage.floor);
        let state = storage.state.clone();
        let deps = parts.raft_deps(
            raft_runtime,
            mark.clone(),
            storage.quarantine,
            storage.space,
            state,
        );
        cameo_machine::check_state(&*storage.state.view())?;
        let raft = raft::start(settings, deps, storage.raft.parts()).await?;
        let (state, floor, close) = (storage.state, storage.floor, storage.close);
        let snapshots = storage.snapshots;

        let (stage, staged) = watch::channel(Stage::Waiting("starting".to_owned()));
        let stopping = watch::Sender::new(false);
        let worker = parts.worker.clone();
        let decisions = parts.decisions.clone();
        let serving = tokio::spawn(
            ListenerTask {
                id: config.id,
                url: url.clone(),
                parts,
                raft: raft.clone(),
                state: state.clone(),
                snapshots,
                kept,
                floor,
                mark,
                port,
                metrics,
                stage,
                stopping: stopping.subscribe(),
            }
            .run(),
        );
        Ok(Self {
            id: config.id,
            url,
            raft,
            state,
            close,
            blocking,
            worker,
            decisions,
            stage: staged,
            stopping,
            serving,
        })
    }

    /// Base URL for clients.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The node's consensus, for those who watch it.
    #[must_use]
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    /// The node's progress at its start, and its changes.
    #[must_use]
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.clone()
    }

    /// Waits until the node serves its cluster; returns the cluster's id.
    pub async fn ready(&self) -> ClusterId {
        let mut stage = self.stage.clone();
        loop {
            if let Stage::Ready(cluster) = *stage.borrow_and_update() {
                return cluster;
            }
            if stage.changed().await.is_err() {
                // It will never be ready; `wait_until_failed` returns the reason.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until it is certain that the node cannot join a cluster with its present settings;
    /// returns the reason.
    pub async fn wait_until_refused(&self) -> String {
        let mut state = self.raft.bootstrap_state();
        loop {
            if let BootstrapState::Refused { why } = &*state.borrow_and_update() {
                return why.clone();
            }
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the node, which runs as a worker, is one of the voters: it has to be stopped and
    /// started again with the same configuration, and is a voter then. Never returns at a voter.
    pub async fn wait_until_promoted(&self) {
        self.raft.wait_until_promoted().await;
    }

    /// Waits until a part of the node has failed for good; returns which one and why.
    pub async fn wait_until_failed(&self) -> String {
        loop {
            if let Some(why) = self.state.failure() {
                return why;
            }
            if let Some(why) = self.raft.status().failure {
                return format!("consensus has stopped: {why}");
            }
            if self.serving.is_finished() && !*self.stopping.borrow() {
                return match &*self.stage.borrow() {
                    Stage::Failed(why) => why.clone(),
                    _ => "the API has stopped".to_owned(),
                };
            }
            tokio::time::sleep(HEALTH_CHECK).await;
        }
    }

    /// Stops in order: finishes jobs and calls in progress, transfers leadership, and writes the
    /// acknowledged state to disk.
    ///
    /// # Errors
    /// When the state could not be written; the log still has everything.
    pub async fn stop(self) -> io::Result<()> {
        self.worker.drain();
        let drained = tokio::time::timeout(JOBS_DRAIN, self.worker.wait_until_drained());
        if drained.await.is_err() {
            tracing::warn!("stopping with unfinished jobs, whose clients will use another worker");
        }
        self.stopping.send_replace(true);
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(HTTP_DRAIN, self.serving)
            .await
            .is_err()
        {
            abort.abort();
            tracing::warn!("stopping with unfinished calls, whose clients will use another node");
        }
        self.raft.stop().await;
        let (close, decisions) = (self.close, self.decisions);
        let close = move || {
            let closed = close();
            if let Some(decisions) = decisions {
                decisions.close();
            }
            closed
        };
        self.blocking.run(close).await.map_err(io::Error::other)?
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node {} at {}", self.id, self.url)
    }
}

async fn listen(
    transport: &dyn Transport,
    address: SocketAddr,
    limits: ServeLimits,
    security: Security,
) -> io::Result<HttpPort> {
    let listener = transport.listen(address.to_string()).await?;
    HttpPort::new(listener, limits, security)
}

fn at(flag: ListenFlag, address: SocketAddr) -> impl FnOnce(io::Error) -> ListenError {
    move |source| ListenError {
        flag,
        address: address.to_string(),
        source,
    }
}

fn raft_settings(config: &Config, url: &str, entrance: Entrance) -> raft::Settings {
    let advertised = &config.peers[&config.id];
    let listen = config.listen.map(|address| address.to_string());
    raft::Settings {
        id: config.id,
        data: config.data.clone(),
        listen: listen.unwrap_or_else(|| advertised.clone()),
        http: url.to_owned(),
        entrance,
        peers: config.peers.clone(),
        timing: Timing {
            heartbeat: config.heartbeat,
            election_min: config.election_min,
            election_max: config.election_max,
        },
        snapshot_after: config.snapshot_after,
        folder_is_newest: config.folder_is_newest,
    }
}
