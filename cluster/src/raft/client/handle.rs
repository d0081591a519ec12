//! The handle to a running Raft, and its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use cameo_common::ids::{ClusterId, Millis, NodeId};
use openraft::async_runtime::WatchReceiver;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::propose::{ProposeError, Proposed};
use super::read::ReadError;
use crate::consensus_types::TypeConfig;
use crate::link::{CallError, Lane};
use crate::raft::engine::consensus::Storage;
use crate::raft::engine::runtime::RaftThread;
use crate::raft::engine::status::{self, Leadership, Status};
use crate::raft::genesis::Genesis;
use crate::raft::members::bootstrap::Forming;
use crate::raft::rpc::snapshots::SnapshotPort;
use crate::raft::rpc::wire::{NodeReply, NodeRequest, decode, encode};
use crate::raft::shared::{Running, Shared};
use crate::raft::start::{Parts, Settings, StartError, start};

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
    shared: Arc<Shared>,
}

impl fmt::Debug for Raft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raft(node {})", self.shared.id)
    }
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
        let shared = started.await.map_err(|error| failed(&error))??;
        Ok(Self { shared })
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
        node: NodeId,
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

    /// What this node would stamp on an entry now; `None` while it knows too few of the voters'
    /// clocks.
    pub fn log_time(&self) -> Option<Millis> {
        self.shared.log_time().map(|time| time.stamp)
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
        self.shared.links.close();
        if let Some(thread) = thread {
            thread.end().await;
        }
    }
}
