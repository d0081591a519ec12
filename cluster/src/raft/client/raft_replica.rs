//! The replica of a running node: Raft for the order, the store for the state.

use std::collections::BTreeMap;
use std::sync::Arc;

use cameo_common::api::OrderedChange;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::signed::Signed;
use cameo_common::wire;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::replica::{AppliedState, Committed, HashedState, Replica};
use super::{early_reply, own_reply};
use crate::host::clock::WallClock;
use crate::host::signatures::RememberedSignatures;
use crate::latency::{Calls, Latencies};
use crate::raft::{
    AskError, Leadership, ProposeError, Raft, ReadError, Status, SuccessionError, VotersError,
};
use crate::store::Subscriptions;
use cameo_machine::{Caller, Command, Reply, StateView};

/// Raft and its state.
#[derive(Clone)]
pub struct RaftReplica {
    raft: Raft,
    state: Arc<dyn AppliedState>,
    signatures: Arc<RememberedSignatures>,
    clock: Arc<dyn WallClock>,
    latencies: Arc<Latencies>,
}

impl RaftReplica {
    /// A replica of a started Raft and the state that it writes.
    #[must_use]
    pub fn new(
        raft: Raft,
        state: Arc<dyn AppliedState>,
        signatures: Arc<RememberedSignatures>,
        clock: Arc<dyn WallClock>,
        latencies: Arc<Latencies>,
    ) -> Self {
        Self {
            raft,
            state,
            signatures,
            clock,
            latencies,
        }
    }
}

/// Counts the call and its time.
async fn timed<T, E>(calls: &Calls, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let began = Instant::now();
    let ended = call.await;
    calls.ended(began.elapsed(), ended.is_ok());
    ended
}

impl std::fmt::Debug for RaftReplica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RaftReplica of {:?}", self.raft)
    }
}

impl Replica for RaftReplica {
    fn propose(
        &self,
        command: &Command,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Committed, ProposeError>> {
        // Its state would not come as far as the entry, and the reply could not be confirmed.
        if self.raft.is_low_on_disk() {
            let refused = async { Err(ProposeError::LowDiskSpace) };
            return Box::pin(timed(&self.latencies.writes, refused));
        }
        let early = early_reply::of(&*self.state, command);
        let (bytes, command) = (wire::encode(command), command.clone());
        Box::pin(timed(&self.latencies.writes, async move {
            // The leader takes no other node's word, and would be asked until the deadline.
            let is_leaders_own = matches!(command.caller, Caller::Node(_));
            if is_leaders_own && !self.raft.leadership().borrow().here {
                return Err(ProposeError::NoLeader);
            }
            if let Some(early) = early {
                let raft = self.raft.clone();
                tokio::spawn(async move { raft.propose(bytes, deadline).await });
                return Ok(early);
            }
            let proposed = self.raft.propose(bytes, deadline).await?;
            let index = proposed.index;
            match wire::decode::<Reply>(&proposed.reply) {
                Ok(reply) if proposed.is_told => {
                    let (state, verifier) = (&*self.state, &*self.signatures);
                    let (applied, told) = (self.raft.applied(), Committed { index, reply });
                    let now = self.clock.unix_millis();
                    own_reply::confirm(state, verifier, applied, &command, told, now, deadline)
                        .await
                }
                Ok(reply) => Ok(Committed { index, reply }),
                Err(error) => {
                    tracing::error!(
                        index, %error,
                        "cannot decode a reply, which has another format: update all nodes"
                    );
                    Err(ProposeError::Unknown)
                }
            }
        }))
    }

    fn barrier(&self, deadline: Instant) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(timed(&self.latencies.reads, self.raft.barrier(deadline)))
    }

    fn view(&self) -> Box<dyn StateView + '_> {
        self.state.view()
    }

    fn applied(&self) -> watch::Receiver<u64> {
        self.raft.applied()
    }

    fn subscriptions(&self) -> &Arc<Subscriptions> {
        self.state.subscriptions()
    }

    fn takes_part(&self) -> Result<(), ReadError> {
        self.raft.takes_part()
    }

    fn has_left(&self) -> bool {
        self.raft.has_left()
    }

    fn floors_of_peers(&self) -> BTreeMap<NodeId, u64> {
        self.raft.floors_of_peers()
    }

    fn status(&self) -> Status {
        self.raft.status()
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.raft.leadership()
    }

    fn ask(
        &self,
        node: NodeId,
        body: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Vec<u8>, AskError>> {
        Box::pin(self.raft.ask(node, body, deadline))
    }

    fn remove_worker(&self, node: NodeId) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.raft.remove_worker(node))
    }

    fn have_next_lead(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.raft.have_next_lead())
    }

    fn follow_descriptor<'a>(
        &'a self,
        descriptor: &'a Descriptor,
    ) -> BoxFuture<'a, Result<(), VotersError>> {
        Box::pin(self.raft.follow_descriptor(descriptor))
    }

    fn sign_succession<'a>(
        &'a self,
        cluster: ClusterId,
        previous: &'a Descriptor,
        change: &'a OrderedChange,
    ) -> BoxFuture<'a, Result<Signed<Succession>, SuccessionError>> {
        Box::pin(self.raft.sign_succession(cluster, previous, change))
    }

    fn begun_succession(&self) -> Result<Option<OrderedChange>, SuccessionError> {
        self.raft.begun_succession()
    }

    fn hash(&self) -> HashedState {
        self.state.hash()
    }
}
