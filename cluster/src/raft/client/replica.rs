//! What the rooms above Raft see of it and of the state.
//!
//! `http`, `presence`, `event_stream`, `key_release` and `jobs` see the state through a [`Replica`] alone: propose,
//! wait, read, ask another node. Raft over sled stands behind it in a node; a map in a test.

use std::fmt;
use std::time::Duration;

use cameo_common::ids::{Hash, NodeId};
use futures_util::future::BoxFuture;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::raft::{AskError, Leadership, ProposeError, ReadError, Status};
use crate::store::Touched;
use cameo_machine::{Command, Reply, StateView};

/// How long a client's call waits for a leader, a majority and this node's own state.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// An entry that was committed, and what came out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub index: u64,
    pub reply: Reply,
}

/// The whole state is hashed at one index (law D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedState {
    pub applied: u64,
    pub hash: Hash,
}

/// This node's replica of the state, and its way to the others.
pub trait Replica: Send + Sync + fmt::Debug + 'static {
    /// Has a command ordered and carried out, by whichever node leads.
    fn propose(
        &self,
        command: &Command,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Committed, ProposeError>>;

    /// Waits until this node's state has everything that was acknowledged before the call. Gives
    /// the index up to which it has.
    fn barrier(&self, deadline: Instant) -> BoxFuture<'_, Result<u64, ReadError>>;

    /// A consistent picture of this node's state. To be dropped soon, and before any await.
    fn view(&self) -> Box<dyn StateView + '_>;

    /// Wakes those who wait for a user's events.
    fn touched(&self) -> broadcast::Receiver<Touched>;

    /// Who leads, who belongs, how far this node is.
    fn status(&self) -> Status;

    /// Who leads, as it changes.
    fn leadership(&self) -> watch::Receiver<Leadership>;

    /// Asks another node; see [`crate::node_rpc`].
    fn ask(
        &self,
        node: NodeId,
        body: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Vec<u8>, AskError>>;

    /// Reads the whole state. Blocking; none when the state changes too fast.
    fn hash(&self) -> Option<HashedState>;
}
