//! Handle to a running Raft.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::OrderedChange;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::app_request::{self, AskError};
use super::propose::{ProposeError, Proposed, Proposer};
use super::read::{ReadError, Reads};
use super::running::Running;
use crate::link::Links;
use crate::raft::engine::consensus::Consensus;
use crate::raft::engine::leader_transfer;
use crate::raft::engine::log_clock::LogClock;
use crate::raft::engine::node_state::NodeState;
use crate::raft::engine::status::{self, Leadership, Status};
use crate::raft::engine::successors::{OtherVoters, Successors as _};
use crate::raft::engine::voters::{self, Plan, VotersError};
use crate::raft::engine::workers::WorkerChange;
use crate::raft::exchange::Exchange;
use crate::raft::genesis::Genesis;
use crate::raft::members::bootstrap_state::BootstrapState;
use crate::raft::members::member_view::MemberView;
use crate::raft::members::successions::{SuccessionError, Successions};
use crate::raft::quarantine::{Gate, Waits};

/// How long a change of the voters is waited for. It goes on, and is looked at again.
const CHANGE_WAIT: Duration = Duration::from_secs(5);

/// Handle to this node's Raft. Cheap to clone; usable on every runtime.
#[derive(Clone)]
pub struct Raft {
    inner: Arc<Inner>,
}

/// State shared by all handles.
pub(crate) struct Inner {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub members: Arc<MemberView>,
    pub links: Links,
    pub clock: Arc<LogClock>,
    pub successors: Arc<OtherVoters>,
    pub proposer: Arc<Proposer>,
    pub reads: Arc<Reads>,
    pub applied: watch::Receiver<u64>,
    pub address: SocketAddr,
    pub running: Mutex<Option<Running>>,
    pub gate: Arc<Gate>,
    pub successions: Successions,
    /// It starts again when that changes.
    pub runs_as_voter: bool,
    /// None at a worker.
    pub exchange: Option<Arc<Exchange>>,
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

    /// Proposes a command and waits until it is applied. A follower forwards it to the leader.
    pub async fn propose(
        &self,
        command: Vec<u8>,
        deadline: Instant,
    ) -> Result<Proposed, ProposeError> {
        self.inner.proposer.propose(command, deadline).await
    }

    /// Waits until this node has applied everything that was acknowledged anywhere before the call.
    /// Returns an applied index: reads of the state at or after it are linearizable.
    pub async fn barrier(&self, deadline: Instant) -> Result<u64, ReadError> {
        self.inner.reads.barrier(deadline).await
    }

    /// An index that a majority has confirmed since the call: everything that was acknowledged
    /// before is at or before it. This node may not have applied it yet.
    pub async fn confirmed_index(&self, deadline: Instant) -> Result<u64, ReadError> {
        self.inner.reads.confirmed_index(deadline).await
    }

    /// Whether this node was a voter, and the newest descriptor that it knows lacks it.
    pub fn has_left(&self) -> bool {
        self.inner.members.has_left(self.inner.node.id)
    }

    /// The status of this node.
    pub fn status(&self) -> Status {
        // Before the metrics are borrowed: it borrows them too, and a second borrow waits for ever
        // if openraft has begun to write them in between.
        let waits = self.waits();
        let metrics = self.inner.consensus.metrics();
        let metrics = metrics.borrow_watched();
        let disk = self.inner.node.space.status();
        let is_quarantined = self.inner.gate.is_quarantined();
        status::status(&metrics, is_quarantined, waits, disk)
    }

    /// Whether it takes no new entries for want of disk space.
    pub fn is_low_on_disk(&self) -> bool {
        self.inner.node.space.is_low()
    }

    /// What this node waits for before it takes part.
    fn waits(&self) -> Option<Waits> {
        self.inner.exchange.as_ref()?.waits()
    }

    /// The leadership, and its changes.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.node.leadership.clone()
    }

    /// The last index applied here, and its changes.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.inner.applied.clone()
    }

    /// Whether this node belongs to a cluster, and the reason if not.
    pub fn bootstrap_state(&self) -> watch::Receiver<BootstrapState> {
        self.inner.members.state.subscribe()
    }

    /// Whether this process runs as a voter.
    pub fn runs_as_voter(&self) -> bool {
        self.inner.runs_as_voter
    }

    /// Waits until this node, which runs as a worker, is one of the voters: it has to be started
    /// again then, and does as a voter what it does. Never returns at a voter.
    pub async fn wait_until_promoted(&self) {
        let mut promoted = self.inner.members.promoted.subscribe();
        // The sender lives in `inner`, which `self` keeps alive.
        let _promoted = promoted.wait_for(|promoted| *promoted).await;
    }

    /// Whether this node knows, or is known, as a voter: by the newest descriptor.
    pub fn is_node_key(&self, key: &PublicKey) -> bool {
        let chain = self.inner.members.chain();
        chain.is_some_and(|chain| chain.newest().nodes.iter().any(|node| node.key == *key))
    }

    /// Waits until this node belongs to a cluster.
    pub async fn wait_until_formed(&self) -> Arc<Genesis> {
        let mut state = self.bootstrap_state();
        loop {
            if let BootstrapState::Formed { genesis } = &*state.borrow_and_update() {
                return genesis.clone();
            }
            // The sender lives in `inner`, which `self` keeps alive.
            let _ = state.changed().await;
        }
    }

    /// The cluster's id, once there is one.
    pub fn cluster(&self) -> Option<ClusterId> {
        let genesis = self.inner.members.genesis()?;
        Some(genesis.cluster_id())
    }

    /// Whether this node may make promises: it has come back with all that it had promised.
    ///
    /// # Errors
    /// Why it may not.
    pub fn takes_part(&self) -> Result<(), ReadError> {
        match self.inner.gate.closed() {
            None => Ok(()),
            Some(closed) => Err(ReadError::TakesNoPart(closed)),
        }
    }

    /// Whether it has come back below what it had told other voters.
    pub fn is_quarantined(&self) -> bool {
        self.inner.gate.is_quarantined()
    }

    /// Number of the last floor record that each other voter had told this one.
    pub fn floors_of_peers(&self) -> BTreeMap<NodeId, u64> {
        let exchange = self.inner.exchange.as_ref();
        exchange.map_or_else(BTreeMap::new, |exchange| exchange.remembered.floors())
    }

    /// Sends a request to another member's `AppService`.
    pub async fn ask(
        &self,
        node: NodeId,
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, AskError> {
        let Inner { members, links, .. } = &*self.inner;
        app_request::ask(members, links, node, body, deadline).await
    }

    /// Removes a worker from the members, while this node leads. It may be tried again.
    pub async fn remove_worker(&self, node: NodeId) -> Result<(), String> {
        let removed = self
            .inner
            .consensus
            .change_workers(WorkerChange::Remove(node));
        removed.await.map_err(|refusal| refusal.to_string())
    }

    /// Has Raft's voters be the nodes of this descriptor, which the state has, while this node
    /// leads. It may be tried again.
    ///
    /// # Errors
    /// See [`VotersError`]: what has to be before.
    pub async fn follow_descriptor(&self, descriptor: &Descriptor) -> Result<(), VotersError> {
        let Inner {
            consensus,
            exchange,
            ..
        } = &*self.inner;
        if !self.inner.node.leadership.borrow().here {
            return Err(VotersError::NotLeader);
        }
        let answers = |node| {
            let exchange = exchange.as_ref();
            exchange.is_some_and(|exchange| exchange.answers(node))
        };
        let plan = {
            let metrics = consensus.metrics();
            let metrics = metrics.borrow_watched();
            voters::plan(&metrics, descriptor, &answers)?
        };
        match plan {
            Plan::Done => Ok(()),
            Plan::HandOver(stay) => {
                self.hand_over(&stay).await;
                Err(VotersError::HandsOver)
            }
            Plan::Change(next) => {
                tracing::info!(number = descriptor.number, voters = ?next, "changes the voters");
                let changed = timeout(CHANGE_WAIT, consensus.change_voters(next)).await;
                let in_time = "it takes longer than this node waits";
                changed.unwrap_or_else(|_| Err(VotersError::Unsettled(in_time.into())))
            }
        }
    }

    /// Signs that one descriptor follows another, which the caller has checked.
    ///
    /// # Errors
    /// See [`SuccessionError`]: one is signed of each number.
    pub async fn sign_succession(
        &self,
        cluster: ClusterId,
        previous: &Descriptor,
        change: &OrderedChange,
    ) -> Result<Signed<Succession>, SuccessionError> {
        let successions = &self.inner.successions;
        successions.sign(cluster, previous, change).await
    }

    /// The last change that this node has signed.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn begun_succession(&self) -> Result<Option<OrderedChange>, SuccessionError> {
        self.inner.successions.begun()
    }

    /// Asks one of these, the one with the longest log that is reached, to lead.
    async fn hand_over(&self, stay: &BTreeSet<NodeId>) {
        let successors = &self.inner.successors;
        for voter in successors.longest_log_first() {
            if stay.contains(&voter) && successors.is_reached(voter).await {
                tracing::info!(
                    successor = voter.0,
                    "hands over, as this node votes no more"
                );
                return successors.transfer_to(voter).await;
            }
        }
    }

    /// Asks the next voter that is reached to lead, in the order of ids and round: one after the
    /// other comes to lead, where each hands over.
    pub async fn have_next_lead(&self) {
        let (successors, node) = (&self.inner.successors, &self.inner.node);
        if !node.leadership.borrow().here {
            return;
        }
        let mut voters = successors.longest_log_first();
        voters.sort_unstable_by_key(|voter| (*voter < node.id, *voter));
        for voter in voters {
            if successors.is_reached(voter).await {
                tracing::info!(successor = voter.0, "hands over the leadership");
                return successors.transfer_to(voter).await;
            }
        }
    }

    /// The time that this node would stamp on an entry now; `None` while it knows too few of the
    /// voters' clocks.
    pub fn log_time(&self) -> Option<Millis> {
        self.inner.clock.now().map(|time| time.stamp)
    }

    /// The address of this node's links.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Transfers leadership, if this node has it, and stops. Proposals in progress end as
    /// `Unknown`.
    pub async fn stop(&self) {
        if self.inner.node.begin_to_stop() {
            let successors = &*self.inner.successors;
            leader_transfer::transfer_before_stop(self.leadership(), successors).await;
            if let Some(exchange) = &self.inner.exchange {
                exchange.store_now().await;
            }
            self.end().await;
        }
    }

    /// Stops at once, without a leadership transfer, as in a crash. For tests and the simulator.
    pub async fn halt(&self) {
        if self.inner.node.begin_to_stop() {
            self.end().await;
        }
    }

    async fn end(&self) {
        let running = self.inner.running.lock().take();
        if let Some(running) = running {
            let Inner {
                consensus, links, ..
            } = &*self.inner;
            running.end(consensus.clone(), links).await;
        }
    }
}
