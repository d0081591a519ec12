//! A voter that puts an old state back. Consensus does not refuse it: snapshots are not certified.

use std::collections::BTreeMap;

use cameo_common::ids::NodeId;
use cameo_common::wire;
use openraft::storage::RaftStateMachine;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use super::outsiders::outsider;
use super::world::{World, soon};
use crate::consensus_types::aliases::{CommittedLeaderId, LogId, StoredMembership, Vote};
use crate::link::{Dial, Link, Purpose};
use crate::raft::rpc::snapshots::SnapshotPort;
use crate::raft::rpc::wire::{NodeReply, NodeRequest, decode, encode};

/// What is in a snapshot of the memory store.
#[derive(Serialize, Deserialize)]
struct Content {
    applied: Option<LogId>,
    membership: StoredMembership,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The snapshot on a killed node's disk, said to be that of a later entry.
async fn old_snapshot(world: &World, node: NodeId, claimed: LogId) -> Vec<u8> {
    let mut storage = world.hosts[&node].disk.storage();
    let snapshot = storage.state_machine.get_current_snapshot().await;
    let snapshot = snapshot.unwrap().unwrap();
    let (_, mut reader) = storage.snapshots.open(&snapshot.snapshot).await.unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await.unwrap();
    let mut content: Content = wire::decode(&bytes).unwrap();
    content.applied = Some(claimed);
    wire::encode(&content)
}

async fn ask(link: &Link, request: NodeRequest) -> NodeReply {
    decode(&link.call(&encode(&request), soon()).await.unwrap()).unwrap()
}

async fn install(link: &Link, vote: Vote, bytes: Vec<u8>) -> NodeReply {
    let len = bytes.len() as u64;
    let begun = ask(link, NodeRequest::SnapshotBegin { len }).await;
    let NodeReply::SnapshotBegun { transfer } = begun else {
        panic!("{begun:?}");
    };
    let offset = 0;
    let chunk = NodeRequest::SnapshotChunk {
        transfer,
        offset,
        bytes,
    };
    ask(link, chunk).await;
    ask(link, NodeRequest::SnapshotInstall { transfer, vote }).await
}

/// This attack succeeds. When snapshots are certified, this test has to say the opposite; until
/// then floors bound what the nodes release (`cluster/tests/api/floors.rs`).
#[tokio::test(flavor = "multi_thread")]
async fn attack_a_voter_that_installs_an_old_snapshot_is_not_refused_yet() {
    let mut world = World::new(3);
    world.snapshot_after = 20;
    for id in [1, 2, 3] {
        world.start(id).await.unwrap();
    }
    let leader = world.leader().await;
    let liar = world.a_follower(leader);
    let mut n = 0;
    while world.hosts[&liar]
        .disk
        .first_log_index()
        .is_none_or(|first| first < 2)
    {
        world.propose(leader, &format!("command {n}")).await;
        n += 1;
        assert!(n < 1_000, "no snapshot");
    }
    let host = &world.hosts[&liar];
    let (keys, secret) = (host.keys.clone(), host.secret.clone());
    let cluster = world.nodes[&liar].cluster();
    // given the snapshot of a voter whose program is another one, and an entry that it lacks
    world.kill(liar).await;
    let leader = world.leader().await;
    world.propose(leader, "revoked").await;
    let others: Vec<NodeId> = world.nodes.keys().copied().collect();
    for node in &others {
        assert!(world.holds(*node, "revoked").await);
    }
    // when it installs that snapshot, in its own name and under a later header
    let status = world.nodes[&leader].status();
    let term = status.term + 10;
    let claimed = LogId::new(CommittedLeaderId::new(term), status.last_log + 100);
    let bytes = old_snapshot(&world, liar, claimed).await;
    let mut vote = Vote::new(term, liar);
    vote.committed = true;
    let links = outsider(liar, keys, &secret, cluster);
    for node in &others {
        let link = links.dedicated(Dial {
            node: *node,
            address: world.peers[node].clone(),
            purpose: Purpose::Member,
        });
        let reply = install(&link, vote, bytes.clone()).await;
        assert!(
            matches!(reply, NodeReply::SnapshotInstalled(_)),
            "{reply:?}"
        );
    }
    // then what was committed is gone from all nodes, and the cluster goes on from there
    world.leader().await;
    for node in &others {
        assert!(!world.holds(*node, "revoked").await);
    }
}
