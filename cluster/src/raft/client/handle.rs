//! The handle to a running Raft, and its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use cameo_common::ids::{ClusterId, Millis, NodeId};
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::propose::{ProposeError, Proposed, Proposer};
use super::read::{ReadError, Reads};
use crate::link::{CallError, Lane, Links, Server};
use crate::raft::engine::consensus::Consensus;
use crate::raft::engine::hand_over;
use crate::raft::engine::log_clock::LogClock;
use crate::raft::engine::node_state::NodeState;
use crate::raft::engine::runtime::RaftThread;
use crate::raft::engine::status::{self, Leadership, Status};
use crate::raft::genesis::Genesis;
use crate::raft::members::bootstrap_state::BootstrapState;
use crate::raft::members::member_view::MemberView;
use crate::raft::rpc::wire::{NodeReply, NodeRequest, decode, encode};

/// Why an `App` request brought no answer.
#[derive(Debug, Clone, Error)]
pub enum AskError {
    #[error("node {0} is not a member")]
    NotMember(NodeId),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
}

/// The handle to this node's Raft: cheap to clone, good on every runtime.
#[derive(Clone)]
pub struct Raft {
    inner: Arc<Inner>,
}

/// What all handles share.
pub(crate) struct Inner {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub members: Arc<MemberView>,
    pub links: Links,
    pub clock: Arc<LogClock>,
    pub proposer: Arc<Proposer>,
    pub reads: Arc<Reads>,
    pub applied: watch::Receiver<u64>,
    pub address: SocketAddr,
    pub running: Mutex<Option<Running>>,
}

/// What ends when the node stops.
pub(crate) struct Running {
    pub server: Server,
    pub tasks: Vec<JoinHandle<()>>,
    pub runtime: Handle,
    pub thread: Option<RaftThread>,
}

impl fmt::Debug for Raft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raft(node {})", self.inner.node.id)
    }
}

impl Raft {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Proposes a command and waits until it is applied. At a follower, by way of the leader.
    pub async fn propose(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> Result<Proposed, ProposeError> {
        self.inner.proposer.propose(command, deadline).await
    }

    /// Waits until all that was acknowledged anywhere before this call is applied here. Returns an
    /// applied index: what is read from the state after it is linearizable.
    pub async fn barrier(&self, deadline: Instant) -> Result<u64, ReadError> {
        self.inner.reads.barrier(deadline).await
    }

    /// What this node knows.
    pub fn status(&self) -> Status {
        let metrics = self.inner.consensus.metrics();
        let metrics = metrics.borrow_watched();
        status::status(&metrics)
    }

    /// Who leads, and each change of it.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.node.leadership.clone()
    }

    /// The last index applied here, and each change of it.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.inner.applied.clone()
    }

    /// Whether this node belongs to a cluster, and why not yet.
    pub fn bootstrap_state(&self) -> watch::Receiver<BootstrapState> {
        self.inner.members.state.subscribe()
    }

    /// Waits until it does.
    pub async fn formed(&self) -> Arc<Genesis> {
        let mut state = self.bootstrap_state();
        loop {
            if let BootstrapState::Formed { genesis } = &*state.borrow_and_update() {
                return genesis.clone();
            }
            // The sender lives in `inner`, which `self` keeps.
            let _ = state.changed().await;
        }
    }

    /// The cluster's id, once there is one.
    pub fn cluster(&self) -> Option<ClusterId> {
        let genesis = self.inner.members.genesis()?;
        Some(genesis.cluster_id())
    }

    /// Asks another member's `AppService`.
    pub async fn ask(
        &self,
        node: NodeId,
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, AskError> {
        let member = self
            .inner
            .members
            .member(node)
            .ok_or(AskError::NotMember(node))?;
        let malformed = |error: &dyn fmt::Display| AskError::Malformed(error.to_string());
        let request = encode(&NodeRequest::App(body)).map_err(|error| malformed(&error))?;
        let link = self.inner.links.member(node, &member.link, Lane::App);
        let reply = link.call(&request, deadline).await?;
        match decode(&reply).map_err(|error| malformed(&error))? {
            NodeReply::App(body) => Ok(body),
            _ => Err(malformed(&"it answers something else")),
        }
    }

    /// What this node would stamp on an entry now; `None` while it knows too few of the voters'
    /// clocks.
    pub fn log_time(&self) -> Option<Millis> {
        self.inner.clock.now().map(|time| time.stamp)
    }

    /// Where this node listens for others.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Has a snapshot made now.
    pub async fn build_snapshot(&self) {
        self.inner.consensus.build_snapshot().await;
    }

    /// Hands leadership over, if it has it, and ends. Proposals under way end as `Unknown`.
    pub async fn stop(&self) {
        if self.inner.node.begin_to_stop() {
            hand_over::before_the_stop(&self.inner.node, &*self.inner.consensus).await;
            self.end().await;
        }
    }

    /// Ends at once and tells nobody, as a crash would. For tests and the simulator.
    pub async fn halt(&self) {
        if self.inner.node.begin_to_stop() {
            self.end().await;
        }
    }

    async fn end(&self) {
        let consensus = self.inner.consensus.clone();
        let running = self.inner.running.lock().take();
        let Some(running) = running else { return };
        let Running {
            server,
            tasks,
            runtime,
            thread,
        } = running;
        let ended = runtime.spawn(async move {
            consensus.shutdown().await;
            server.close().await;
            for task in tasks {
                task.abort();
            }
        });
        if let Err(error) = ended.await {
            tracing::warn!(%error, "raft did not end well");
        }
        self.inner.links.close();
        if let Some(thread) = thread {
            thread.end().await;
        }
    }
}
