//! openraft behind an object-safe trait, so that its type parameters are not needed elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use cameo_common::ids::NodeId;
use cameo_mutant::{Mutant, is_planted};
use futures_util::future::BoxFuture;
use openraft::async_runtime::WatchReceiver;
use openraft::error::{ClientWriteError, Fatal, InitializeError, LinearizableReadError, RaftError};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::type_config::alias::{VoteOf, WatchReceiverOf};
use openraft::{RaftMetrics, ReadPolicy};

use super::voters::{self, VotersError};
use super::workers::{self, WorkerChange};
use crate::certificate::Voters;
use crate::consensus_types::aliases::position;
use crate::consensus_types::{EntryBytes, Member, ReplyBytes, TypeConfig};
use crate::raft::genesis::Genesis;
use crate::raft::rpc::snapshots::{IncomingSnapshots, SnapshotPort};
use crate::raft::rpc::wire::MemberRefusal;

pub(crate) type Metrics = RaftMetrics<TypeConfig>;
pub(crate) type MetricsWatch = WatchReceiverOf<TypeConfig, Metrics>;

/// The outcome of an append to the log.
pub(crate) enum AppendOutcome {
    Applied {
        index: u64,
        reply: Vec<u8>,
    },
    /// Nothing was appended.
    NotLeader,
    Unknown,
}

/// The outcome of a request for a read index.
pub(crate) enum ReadIndex {
    At(u64),
    NotLeader { leader: Option<NodeId> },
    NoQuorum,
    Stopped,
}

/// What a node has on its disk for good, as far as this process has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Durable {
    pub term: u64,
    /// Index of the last entry that is committed too: nothing takes it back.
    pub log: u64,
}

/// The operations of openraft that the handle and the service need.
pub(crate) trait Consensus: Send + Sync {
    fn append(
        &self,
        rpc: AppendEntriesRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<AppendEntriesResponse<TypeConfig>, String>>;
    fn vote(
        &self,
        rpc: VoteRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<VoteResponse<TypeConfig>, String>>;
    fn pre_vote(
        &self,
        rpc: VoteRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<VoteResponse<TypeConfig>, String>>;
    fn handle_transfer(
        &self,
        rpc: TransferLeaderRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<TransferLeaderResponse<TypeConfig>, String>>;
    fn begin_snapshot(&self, from: NodeId, len: u64) -> BoxFuture<'static, Result<u64, String>>;
    fn write_snapshot(
        &self,
        from: NodeId,
        transfer: u64,
        offset: u64,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), String>>;
    fn install_snapshot(
        &self,
        from: NodeId,
        transfer: u64,
        vote: VoteOf<TypeConfig>,
        voters: Voters,
    ) -> BoxFuture<'static, Result<SnapshotResponse<TypeConfig>, String>>;

    /// Whether a majority has agreed that `node` is a member, as far as this node knows.
    fn is_agreed_member(&self, node: NodeId) -> BoxFuture<'static, bool>;
    fn write(&self, entry: Vec<u8>) -> BoxFuture<'static, AppendOutcome>;
    /// Appends an entry without content, and waits until it is applied. Its index; `None` when this
    /// node does not lead, or the outcome is unknown.
    fn write_blank(&self) -> BoxFuture<'static, Option<u64>>;
    fn read_index(&self) -> BoxFuture<'static, ReadIndex>;
    fn metrics(&self) -> MetricsWatch;
    fn initialise(&self, genesis: Arc<Genesis>) -> BoxFuture<'static, Result<(), String>>;
    fn change_workers(&self, change: WorkerChange)
    -> BoxFuture<'static, Result<(), MemberRefusal>>;
    fn change_voters(
        &self,
        voters: BTreeSet<NodeId>,
    ) -> BoxFuture<'static, Result<(), VotersError>>;
    fn transfer_leader(&self, to: NodeId) -> BoxFuture<'static, ()>;
    /// Tells openraft of a newly certified snapshot, behind which it may purge the log.
    fn snapshot_certified(&self) -> BoxFuture<'static, ()>;
    /// What is durable of this node's consensus.
    fn durable(&self) -> Durable;
    fn shutdown(&self) -> BoxFuture<'static, ()>;

    /// The voters of the latest membership.
    fn voters(&self) -> BTreeSet<NodeId> {
        let metrics = self.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.voter_ids().collect()
    }

    /// A member as the latest membership has it.
    fn member(&self, node: NodeId) -> Option<Member> {
        let metrics = self.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.get_node(&node).cloned()
    }
}

/// openraft over one type of state machine.
pub(crate) struct Node<SM, P>
where
    SM: RaftStateMachine<TypeConfig>,
    P: SnapshotPort<Data = SM::SnapshotData>,
    SM::SnapshotData: Sync,
{
    pub raft: openraft::Raft<TypeConfig, SM>,
    pub incoming_snapshots: Arc<IncomingSnapshots<P>>,
}

fn fatal<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

impl<SM, P> Consensus for Node<SM, P>
where
    SM: RaftStateMachine<TypeConfig>,
    P: SnapshotPort<Data = SM::SnapshotData>,
    SM::SnapshotData: Sync,
{
    fn append(
        &self,
        rpc: AppendEntriesRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<AppendEntriesResponse<TypeConfig>, String>> {
        let raft = self.raft.clone();
        Box::pin(async move { raft.append_entries(rpc).await.map_err(fatal) })
    }

    fn vote(
        &self,
        rpc: VoteRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<VoteResponse<TypeConfig>, String>> {
        let raft = self.raft.clone();
        Box::pin(async move { raft.vote(rpc).await.map_err(fatal) })
    }

    fn pre_vote(
        &self,
        rpc: VoteRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<VoteResponse<TypeConfig>, String>> {
        let raft = self.raft.clone();
        Box::pin(async move { raft.pre_vote(rpc).await.map_err(fatal) })
    }

    fn handle_transfer(
        &self,
        rpc: TransferLeaderRequest<TypeConfig>,
    ) -> BoxFuture<'static, Result<TransferLeaderResponse<TypeConfig>, String>> {
        let raft = self.raft.clone();
        Box::pin(async move { raft.handle_transfer_leader(rpc).await.map_err(fatal) })
    }

    fn begin_snapshot(&self, from: NodeId, len: u64) -> BoxFuture<'static, Result<u64, String>> {
        let incoming_snapshots = self.incoming_snapshots.clone();
        Box::pin(async move { incoming_snapshots.begin(from, len).await.map_err(fatal) })
    }

    fn write_snapshot(
        &self,
        from: NodeId,
        transfer: u64,
        offset: u64,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), String>> {
        let incoming_snapshots = self.incoming_snapshots.clone();
        Box::pin(async move {
            incoming_snapshots
                .write(from, transfer, offset, chunk)
                .await
                .map_err(fatal)
        })
    }

    fn install_snapshot(
        &self,
        from: NodeId,
        transfer: u64,
        vote: VoteOf<TypeConfig>,
        voters: Voters,
    ) -> BoxFuture<'static, Result<SnapshotResponse<TypeConfig>, String>> {
        let (incoming_snapshots, raft) = (self.incoming_snapshots.clone(), self.raft.clone());
        Box::pin(async move {
            let snapshot = incoming_snapshots
                .finish(from, transfer, voters)
                .await
                .map_err(fatal)?;
            // openraft ends itself on a snapshot of a later term than its sender's.
            let last = snapshot.meta.last_log_id.as_ref().map(position);
            if last.is_some_and(|(term, _)| term > vote.leader_id.term) {
                return Err("the snapshot is of a later term than its sender's".into());
            }
            raft.install_full_snapshot(vote, snapshot)
                .await
                .map_err(fatal)
        })
    }

    fn is_agreed_member(&self, node: NodeId) -> BoxFuture<'static, bool> {
        let raft = self.raft.clone();
        Box::pin(async move {
            let agreed = raft.with_raft_state(move |state| {
                let agreed = state.membership_state.committed();
                agreed.get_node(&node).is_some()
            });
            // After the stop nobody acts on the answer.
            agreed.await.unwrap_or(true)
        })
    }

    fn write(&self, entry: Vec<u8>) -> BoxFuture<'static, AppendOutcome> {
        let raft = self.raft.clone();
        Box::pin(async move {
            match raft.client_write(EntryBytes(entry)).await {
                Ok(response) => {
                    let ReplyBytes(reply) = response.data;
                    AppendOutcome::Applied {
                        index: response.log_id.index(),
                        reply,
                    }
                }
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                    AppendOutcome::NotLeader
                }
                // The entry was discarded here but another leader may have it, or the core ended
                // meanwhile.
                Err(_) => AppendOutcome::Unknown,
            }
        })
    }

    fn write_blank(&self) -> BoxFuture<'static, Option<u64>> {
        let raft = self.raft.clone();
        Box::pin(async move {
            let written = raft.write_blank().await.ok()?;
            Some(written.log_id.index())
        })
    }

    /// Uses ReadIndex, not the lease. A lease is valid only while all clocks run at about the same
    /// rate and no process is paused between checking it and answering. A confirmed round is always
    /// valid, and `read` shares one among all waiting readers.
    fn read_index(&self) -> BoxFuture<'static, ReadIndex> {
        let raft = self.raft.clone();
        if is_planted(Mutant::LeaderReadWithoutQuorum)
            && let Some(index) = own_applied_of_leader(&raft.metrics().borrow_watched())
        {
            return Box::pin(async move { ReadIndex::At(index) });
        }
        Box::pin(async move {
            match raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
                Ok(linearizer) => ReadIndex::At(linearizer.read_log_id().index()),
                Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                    ReadIndex::NotLeader {
                        leader: forward.leader_id,
                    }
                }
                Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
                    ReadIndex::NoQuorum
                }
                Err(RaftError::Fatal(_)) => ReadIndex::Stopped,
            }
        })
    }

    fn metrics(&self) -> MetricsWatch {
        self.raft.metrics()
    }

    fn initialise(&self, genesis: Arc<Genesis>) -> BoxFuture<'static, Result<(), String>> {
        let raft = self.raft.clone();
        Box::pin(async move {
            match raft.initialize(genesis.membership()).await {
                // Another node was faster, with the same genesis, which is recorded before.
                Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn change_workers(
        &self,
        change: WorkerChange,
    ) -> BoxFuture<'static, Result<(), MemberRefusal>> {
        Box::pin(workers::change(self.raft.clone(), change))
    }

    fn change_voters(&self, next: BTreeSet<NodeId>) -> BoxFuture<'static, Result<(), VotersError>> {
        Box::pin(voters::change(self.raft.clone(), next))
    }

    fn transfer_leader(&self, to: NodeId) -> BoxFuture<'static, ()> {
        let raft = self.raft.clone();
        Box::pin(async move { ignore_stopped(raft.trigger().transfer_leader(to).await) })
    }

    fn snapshot_certified(&self) -> BoxFuture<'static, ()> {
        let raft = self.raft.clone();
        Box::pin(async move { ignore_stopped(raft.trigger().snapshot().await) })
    }

    fn durable(&self) -> Durable {
        let Some(flushed) = self.raft.watch_log_progress().get() else {
            return Durable::default();
        };
        let metrics = self.raft.metrics();
        let committed = metrics.borrow_watched().local_committed;
        let (flushed_log, committed) = (
            flushed.last_log_id.as_ref().map(position),
            committed.as_ref().map(position),
        );
        // By term and index: a longer log of an earlier term need not have the entry.
        let log = committed.filter(|committed| flushed_log >= Some(*committed));
        Durable {
            term: flushed.vote.leader_id.term,
            log: log.map_or(0, |(_, index)| index),
        }
    }

    fn shutdown(&self) -> BoxFuture<'static, ()> {
        let raft = self.raft.clone();
        Box::pin(async move {
            if let Err(error) = raft.shutdown().await {
                tracing::warn!(%error, "Raft did not shut down cleanly");
            }
        })
    }
}

/// What a node has applied that takes itself for the leader: one that was deposed may still do so.
fn own_applied_of_leader(metrics: &Metrics) -> Option<u64> {
    let leads = metrics.current_leader == Some(metrics.id);
    let applied = metrics.last_applied.as_ref().filter(|_| leads);
    applied.map(|applied| applied.index())
}

/// A core that has stopped needs no commands.
fn ignore_stopped(result: Result<(), Fatal<TypeConfig>>) {
    if let Err(error) = result {
        tracing::debug!(%error, "Raft has stopped");
    }
}

/// Starts openraft's tasks on the current runtime.
pub(crate) async fn build<L, SM, P, N>(
    node: NodeId,
    config: Arc<openraft::Config>,
    network: N,
    log: L,
    state_machine: SM,
    incoming_snapshots: Arc<IncomingSnapshots<P>>,
) -> Result<Node<SM, P>, String>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig>,
    SM::SnapshotData: Sync,
    P: SnapshotPort<Data = SM::SnapshotData>,
    N: openraft::RaftNetworkFactory<TypeConfig>,
    N::Network: openraft::network::NetSnapshot<TypeConfig, SnapshotData = SM::SnapshotData>,
{
    let raft = openraft::Raft::new(node, config, network, log, state_machine)
        .await
        .map_err(fatal)?;
    Ok(Node {
        raft,
        incoming_snapshots,
    })
}
