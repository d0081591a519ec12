//! Three real Raft nodes over three real stores, without a network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cameo_common::ids::NodeId;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::network::{RaftNetworkFactory, v2::RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{Config, Raft, SnapshotPolicy};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::super::snapshot::Snapshot;
use super::snapshots::certify;
use super::world::*;
use crate::certificate::tests::voters;
use crate::consensus_types::aliases::Vote;
use crate::consensus_types::{EntryBytes, Member, TypeConfig};
use crate::store::{Opened, SnapshotFile, Snapshots, State, StateMachine, Store};

type Node = Raft<TypeConfig, StateMachine>;

#[derive(Clone, Default)]
struct Peers(Arc<Mutex<BTreeMap<NodeId, (Node, Snapshots)>>>);

struct PeerClient {
    peers: Peers,
    target: NodeId,
}

impl PeerClient {
    fn peer(&self) -> Result<(Node, Snapshots), Unreachable<TypeConfig>> {
        let peer = self.peers.0.lock().unwrap().get(&self.target).cloned();
        peer.ok_or_else(|| unreachable("down"))
    }
}

fn unreachable(error: impl ToString) -> Unreachable<TypeConfig> {
    Unreachable::new(&std::io::Error::other(error.to_string()))
}

impl RaftNetworkFactory<TypeConfig> for Peers {
    type Network = PeerClient;

    async fn new_client(&mut self, target: NodeId, _node: &Member) -> PeerClient {
        PeerClient {
            peers: self.clone(),
            target,
        }
    }
}

impl RaftNetworkV2<TypeConfig> for PeerClient {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let (peer, _) = self.peer()?;
        Ok(peer.append_entries(rpc).await.map_err(unreachable)?)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let (peer, _) = self.peer()?;
        Ok(peer.vote(rpc).await.map_err(unreachable)?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let (peer, snapshots) = self.peer()?;
        let mut bytes = Vec::new();
        let mut file = snapshot.snapshot.open().await.map_err(unreachable)?;
        file.read_to_end(&mut bytes).await.map_err(unreachable)?;
        let len = bytes.len() as u64;
        let mut receiving = snapshots.begin_receiving(len).await.map_err(unreachable)?;
        receiving.write(&bytes).await.map_err(unreachable)?;
        let received = receiving.finish(voters()).await.map_err(unreachable)?;
        Ok(peer
            .install_full_snapshot(vote, received)
            .await
            .map_err(unreachable)?)
    }
}

struct Running {
    raft: Node,
    state: State,
    snapshots: Snapshots,
    store: Store,
}

async fn start(id: u64, world: &World, peers: &Peers) -> Running {
    let Opened {
        log,
        state_machine,
        state,
        snapshots,
        store,
        ..
    } = world.open();
    let config = Config {
        heartbeat_interval: 50,
        election_timeout_min: 300,
        election_timeout_max: 600,
        install_snapshot_timeout: 10_000,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    let config = Arc::new(config.validate().unwrap());
    let raft = Node::new(NodeId(id), config, peers.clone(), log, state_machine)
        .await
        .unwrap();
    peers
        .0
        .lock()
        .unwrap()
        .insert(NodeId(id), (raft.clone(), snapshots.clone()));
    Running {
        raft,
        state,
        snapshots,
        store,
    }
}

/// Stops a node and waits until all its handles are dropped.
async fn stop(id: u64, node: Running, peers: &Peers) {
    peers.0.lock().unwrap().remove(&NodeId(id));
    node.raft.shutdown().await.unwrap();
    drop(node.raft);
    drop(node.state);
    tokio::task::spawn_blocking(move || node.store.close())
        .await
        .unwrap()
        .unwrap();
}

async fn propose(nodes: &[&Running], text: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        for node in nodes {
            let entry = EntryBytes(text.as_bytes().to_vec());
            if let Ok(done) = node.raft.client_write(entry).await {
                return String::from_utf8(done.data.0).unwrap();
            }
        }
        assert!(Instant::now() < deadline, "no leader accepted {text}");
        tokio::task::yield_now().await;
    }
}

async fn catch_up(node: &Running, with: &Running) {
    let (_, index) = with.state.applied().unwrap();
    node.state
        .wait_applied(index, Instant::now() + Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(node.state.hash(), with.state.hash());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_down_catches_up_by_snapshot_and_log() {
    let worlds = [World::new(), World::new(), World::new()];
    let peers = Peers::default();
    let one = start(1, &worlds[0], &peers).await;
    let two = start(2, &worlds[1], &peers).await;
    let three = start(3, &worlds[2], &peers).await;
    let members: BTreeMap<NodeId, Member> =
        (1..=3).map(|id| (NodeId(id), Member::default())).collect();
    one.raft.initialize(members).await.unwrap();
    propose(&[&one, &two, &three], "a=1").await;
    catch_up(&three, &one).await;
    stop(3, three, &peers).await;

    // Meanwhile the others write, build snapshots and purge their logs.
    for index in 0..50 {
        propose(&[&one, &two], &format!("row {index}=1")).await;
    }
    assert_eq!(propose(&[&one, &two], "a=2").await, "1");
    catch_up(&two, &one).await;
    for node in [&one, &two] {
        let (_, index) = node.state.applied().unwrap();
        certify(&node.state, &node.snapshots).await;
        node.raft.trigger().snapshot().await.unwrap();
        let wait = node.raft.wait(Some(Duration::from_secs(20)));
        let purged = |m: &openraft::RaftMetrics<TypeConfig>| {
            m.purged.is_some_and(|id| id.index() + 5 > index)
        };
        wait.metrics(purged, "purged up to its snapshot")
            .await
            .unwrap();
    }

    let three = start(3, &worlds[2], &peers).await;
    catch_up(&three, &one).await;
    assert_eq!(propose(&[&one, &two, &three], "a=3").await, "2");
    catch_up(&three, &one).await;

    // The state is the same after a restart of all nodes.
    let before = one.state.hash();
    stop(1, one, &peers).await;
    stop(2, two, &peers).await;
    stop(3, three, &peers).await;
    for world in &worlds {
        let opened = world.open();
        let after = opened.state.hash();
        assert!(after.applied >= before.applied);
        assert_eq!(after.hash, before.hash);
    }
}
