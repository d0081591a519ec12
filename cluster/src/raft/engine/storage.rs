//! The opened storage of a node, as Raft starts on it.

use std::io;
use std::sync::Arc;

use cameo_common::ids::ClusterId;
use openraft::storage::{RaftLogStorage, RaftStateMachine};

use crate::consensus_types::TypeConfig;
use crate::raft::rpc::snapshots::SnapshotPort;

/// The durable part of a node, as `store` opens it.
pub struct Storage<Log, StateMachine, Port> {
    /// The log.
    pub log: Log,
    /// The state machine.
    pub state_machine: StateMachine,
    /// Access to the snapshot files.
    pub snapshots: Port,
    /// No vote, log entry or applied entry was ever stored here.
    pub pristine: bool,
    /// Records the cluster's id in the directory; fails if the directory belongs to another
    /// cluster. Called again at every start.
    pub record_cluster: Arc<dyn Fn(ClusterId) -> io::Result<()> + Send + Sync>,
}

impl<L, S, P> std::fmt::Debug for Storage<L, S, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Storage(pristine: {})", self.pristine)
    }
}

/// A storage that Raft can start on. Keeps openraft's traits out of the rooms above.
pub trait RaftStorage {
    type Log: RaftLogStorage<TypeConfig>;
    type StateMachine: RaftStateMachine<TypeConfig, SnapshotData: Sync>;
    type Port: SnapshotPort<
        Data = <Self::StateMachine as RaftStateMachine<TypeConfig>>::SnapshotData,
    >;

    /// Its parts.
    fn parts(self) -> Storage<Self::Log, Self::StateMachine, Self::Port>;
}

impl<L, SM, P> RaftStorage for Storage<L, SM, P>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig, SnapshotData: Sync>,
    P: SnapshotPort<Data = SM::SnapshotData>,
{
    type Log = L;
    type StateMachine = SM;
    type Port = P;

    fn parts(self) -> Self {
        self
    }
}
