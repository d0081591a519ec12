//! Interface of Raft and the state for the layers above.
//!
//! `http`, `presence`, `event_stream`, `key_release` and `jobs` use the state only through a
//! [`Replica`]: propose, wait, read, ask another node. A node implements it with Raft over sled;
//! tests use a map.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::OrderedChange;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::signed::Signed;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::raft::{
    AskError, Leadership, ProposeError, ReadError, Status, SuccessionError, VotersError,
};
use crate::store::{State, Subscriptions};
use cameo_machine::{Command, Reply, StateView};

/// Time limit of a client's call, in which it waits for a leader, a majority and this node's state.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// A committed entry and the reply of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub index: u64,
    pub reply: Reply,
}

/// The hash of the whole state at one index (law D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedState {
    pub applied: u64,
    pub hash: Hash,
}

/// The state that this node applies entries to: sled, or a map in the simulator.
pub trait AppliedState: Send + Sync + fmt::Debug + 'static {
    /// A consistent view. Drop it soon, and before any await.
    fn view(&self) -> Box<dyn StateView + '_>;

    /// Index of the last applied entry; 0 when there is none.
    fn applied(&self) -> u64;

    /// Those who are told of changes of the state.
    fn subscriptions(&self) -> &Arc<Subscriptions>;

    /// The hash of the whole state, now or a moment ago. Kept, not computed.
    fn hash(&self) -> HashedState;

    /// The failure after which the state accepts no more entries, if any.
    fn failure(&self) -> Option<String>;
}

impl AppliedState for State {
    fn view(&self) -> Box<dyn StateView + '_> {
        Box::new(State::view(self))
    }

    fn applied(&self) -> u64 {
        State::applied(self).map_or(0, |(_, index)| index)
    }

    fn subscriptions(&self) -> &Arc<Subscriptions> {
        State::subscriptions(self)
    }

    fn hash(&self) -> HashedState {
        let hashed = self.recent_hash();
        HashedState {
            applied: hashed.applied.map_or(0, |(_, index)| index),
            hash: Hash(hashed.hash),
        }
    }

    fn failure(&self) -> Option<String> {
        State::failure(self)
    }
}

/// This node's replica of the state, and its access to other nodes.
pub trait Replica: Send + Sync + fmt::Debug + 'static {
    /// Proposes a command through the current leader, and waits until it is applied.
    fn propose(
        &self,
        command: &Command,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Committed, ProposeError>>;

    /// Waits until this node's state contains everything that was acknowledged before the call.
    /// Returns the applied index.
    fn barrier(&self, deadline: Instant) -> BoxFuture<'_, Result<u64, ReadError>>;

    /// A consistent view of this node's state. Drop it soon, and before any await.
    fn view(&self) -> Box<dyn StateView + '_>;

    /// The last index applied here, and its changes.
    fn applied(&self) -> watch::Receiver<u64>;

    /// Those who are told of changes of this node's state.
    fn subscriptions(&self) -> &Arc<Subscriptions>;

    /// Whether this node may make promises: it has come back with all that it had promised.
    ///
    /// # Errors
    /// Why it may not.
    fn takes_part(&self) -> Result<(), ReadError>;

    /// Whether this node was a voter, and the newest descriptor that it knows lacks it.
    fn has_left(&self) -> bool;

    /// Number of the last floor record that each other voter had told this one.
    fn floors_of_peers(&self) -> BTreeMap<NodeId, u64>;

    /// Leader, members, and progress of this node.
    fn status(&self) -> Status;

    /// The leadership, and its changes.
    fn leadership(&self) -> watch::Receiver<Leadership>;

    /// Sends a request to another node. See [`crate::node_rpc`].
    fn ask(
        &self,
        node: NodeId,
        body: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Vec<u8>, AskError>>;

    /// Removes a worker from the members, while this node leads. It may be tried again.
    fn remove_worker(&self, node: NodeId) -> BoxFuture<'_, Result<(), String>>;

    /// Has Raft's voters be the nodes of this descriptor, which the state has, while this node
    /// leads. It may be tried again.
    fn follow_descriptor<'a>(
        &'a self,
        descriptor: &'a Descriptor,
    ) -> BoxFuture<'a, Result<(), VotersError>>;

    /// Has the next voter that is reached lead, in the order of ids and round, if this node leads.
    /// It may be tried again.
    fn have_next_lead(&self) -> BoxFuture<'_, ()>;

    /// Signs that one descriptor follows another, which the caller has checked: one of each number.
    fn sign_succession<'a>(
        &'a self,
        cluster: ClusterId,
        previous: &'a Descriptor,
        change: &'a OrderedChange,
    ) -> BoxFuture<'a, Result<Signed<Succession>, SuccessionError>>;

    /// The last change that this node has signed.
    ///
    /// # Errors
    /// When that cannot be read.
    fn begun_succession(&self) -> Result<Option<OrderedChange>, SuccessionError>;

    /// The hash of the whole state, now or a moment ago. Kept, not computed.
    fn hash(&self) -> HashedState;
}
