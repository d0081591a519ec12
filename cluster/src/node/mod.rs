//! A running node: the only place where its parts meet.
//!
//! Raft has a thread of its own and jobs have theirs; HTTP, presence and the event streams run on
//! the runtime that starts the node.

pub mod deferred;
pub mod leader;
mod node_rpc_answers;
pub mod secret_file;
mod services;
mod serving;
mod stage;
mod start_error;
mod storage;
mod subsystems;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::jobs::{DecisionLog, Worker};
use crate::raft::{self, BootstrapState, Raft, Timing};
use crate::store::{State, Store};
use serving::{Serving, serve};
use storage::{OpenStore, make_folder, open_store, storage};
use subsystems::Subsystems;

pub use stage::Stage;
pub use start_error::StartError;

/// How long the clients' last calls have at the end.
const HTTP_DRAIN: Duration = Duration::from_secs(5);
/// How long the jobs that were taken up have at the end.
const JOBS_DRAIN: Duration = Duration::from_secs(20);
/// How often the node looks whether a part of it has failed.
const HEALTH_CHECK: Duration = Duration::from_millis(250);

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
        let subsystems = Subsystems::build(&config, secret)?;
        let (listener, address) = listen(config.http).await?;
        let url = config
            .http_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"));

        let state = opened.state.clone();
        let (store, storage) = storage(config.id, opened);
        let raft = raft::start(
            raft_settings(&config, &url),
            subsystems.raft_deps(),
            storage,
        )
        .await?;

        let (stage, staged) = watch::channel(Stage::Waiting("starting".to_owned()));
        let stopping = watch::Sender::new(false);
        let worker = subsystems.worker.clone();
        let decisions = subsystems.decisions.clone();
        let serving = tokio::spawn(serve(Serving {
            id: config.id,
            subsystems,
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

fn raft_settings(config: &Config, url: &str) -> raft::Settings {
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
