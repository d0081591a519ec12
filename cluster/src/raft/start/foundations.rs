//! Foundations of the other parts: the identity on links, and openraft.

use std::sync::Arc;

use cameo_common::ids::NodeId;
use openraft::Config;
use openraft::storage::{RaftLogStorage, RaftStateMachine};

use super::{Entrance, RaftDeps, StartError, failed};
use crate::consensus_types::TypeConfig;
use crate::link::Identity;
use crate::raft::engine::consensus::{self, Consensus};
use crate::raft::members::local_member::LocalMember;
use crate::raft::rpc::network::Network;
use crate::raft::rpc::snapshots::{IncomingSnapshots, SnapshotPort};

/// This node's identity on every link.
pub(super) fn identity(
    node: NodeId,
    deps: &RaftDeps,
    entrance: &Entrance,
    local: &LocalMember,
) -> Identity {
    Identity {
        node,
        keys: deps.keys.clone(),
        secret: entrance.secret(),
        members: local.members.clone(),
    }
}

/// openraft over the links and the storage.
pub(super) async fn start_consensus<L, SM, P>(
    config: Arc<Config>,
    network: Network<P>,
    log: L,
    state_machine: SM,
) -> Result<Arc<dyn Consensus>, StartError>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig>,
    SM::SnapshotData: Sync,
    P: SnapshotPort<Data = SM::SnapshotData>,
{
    let (id, incoming) = (network.me, IncomingSnapshots::new(network.port.clone()));
    let incoming = Arc::new(incoming);
    let node = consensus::build(id, config, network, log, state_machine, incoming).await;
    Ok(Arc::new(node.map_err(failed)?))
}
