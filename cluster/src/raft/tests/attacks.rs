//! Attacks of programs that have the cluster secret, and of single nodes.

use std::sync::Arc;

use cameo_common::ids::NodeId;
use openraft::raft::{AppendEntriesRequest, VoteRequest};
use openraft::type_config::alias::VoteOf;

use super::app::NODES_WORD;
use super::joining::wait_until_joined;
use super::outsiders::outsider;
use super::world::{World, soon};
use crate::consensus_types::TypeConfig;
use crate::link::{CallError, Dial, Link, Links, NodeKeys, Purpose, Refusal};
use crate::raft::rpc::wire::{NodeRequest, encode};

/// Requests of somebody that takes the cluster over.
pub fn takeover(term: u64, name: NodeId) -> Vec<NodeRequest> {
    let vote = VoteOf::<TypeConfig>::new(term, name);
    let mut leading = vote;
    leading.committed = true;
    let append = AppendEntriesRequest::<TypeConfig> {
        vote: leading,
        prev_log_id: None,
        entries: Vec::new(),
        leader_commit: None,
    };
    vec![
        NodeRequest::Append(append),
        NodeRequest::Vote(VoteRequest::new(vote, None)),
        NodeRequest::PreVote(VoteRequest::new(vote, None)),
        NodeRequest::SnapshotBegin { len: 1 },
        NodeRequest::SnapshotInstall {
            transfer: 1,
            vote: leading,
        },
    ]
}

/// Of somebody that writes and reads as a node.
pub fn forgeries() -> Vec<NodeRequest> {
    vec![
        NodeRequest::Propose {
            command: b"forged".to_vec(),
            timeout_millis: 1_000,
        },
        NodeRequest::App(b"forged".to_vec()),
    ]
}

/// A membership connection to a voter.
pub fn link(world: &World, links: &Links, node: NodeId) -> Link {
    links.dedicated(Dial {
        node,
        address: world.peers[&node].clone(),
        purpose: Purpose::Member,
        key: Some(world.hosts[&node].keys.public()),
    })
}

/// Each is denied by each voter, with this reason.
pub async fn all_denied(world: &World, links: &Links, requests: &[NodeRequest], reason: &str) {
    for node in world.peers.keys() {
        let link = link(world, links, *node);
        for request in requests {
            let error = link.call(&encode(request), soon()).await.unwrap_err();
            let CallError::Denied(why) = &error else {
                panic!("{error} for {request:?}");
            };
            assert!(why.contains(reason), "{why} for {request:?}");
            assert!(error.definitely_not_done());
        }
    }
}

/// The cluster goes on as before. It may have elected anew: the machine is busy.
pub async fn unharmed(world: &World, before: u64) {
    let leader = world.leader().await;
    world.propose(leader, "afterwards").await;
    for node in world.peers.keys() {
        assert!(world.holds(*node, "afterwards").await);
        assert!(!world.holds(*node, "forged").await);
    }
    assert!(term(world) < before + 1_000);
}

pub fn term(world: &World) -> u64 {
    let terms = world.statuses().into_iter().map(|status| status.term);
    terms.max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_the_secret_alone_is_no_authority() {
    // given the cluster secret, and any key and id
    let world = World::formed(3).await;
    let before = term(&world);
    let secret = world.hosts[&NodeId(1)].secret.clone();
    let keys = Arc::new(NodeKeys::generate().unwrap());
    let links = outsider(NodeId(99), keys, &secret, world.nodes[&NodeId(1)].cluster());
    // when it takes over, writes or reads as a member
    let mut requests = forgeries();
    for term in [before + 1, u64::MAX] {
        requests.extend(takeover(term, NodeId(99)));
    }
    requests.push(NodeRequest::ReadIndex {
        timeout_millis: 1_000,
    });
    for (node, address) in &world.peers {
        let dial = |purpose| Dial {
            node: *node,
            address: address.clone(),
            purpose,
            key: Some(world.hosts[node].keys.public()),
        };
        for request in &requests {
            let body = encode(request);
            let as_member = links.dedicated(dial(Purpose::Member));
            let error = as_member.call(&body, soon()).await.unwrap_err();
            assert!(
                matches!(&error, CallError::Refused(Refusal::NotMember)),
                "{error}"
            );
            // or on a connection that it gets
            let founding = links.dedicated(dial(Purpose::Bootstrap));
            let error = founding.call(&body, soon()).await.unwrap_err();
            assert!(matches!(error, CallError::Denied(_)), "{error}");
        }
    }
    // then nothing has happened
    unharmed(&world, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_worker_neither_votes_nor_leads_nor_writes() {
    let mut world = World::formed(3).await;
    world.add_worker(4, [1, 2, 3]);
    world.start(4).await.unwrap();
    wait_until_joined(&world, 4).await;
    let before = term(&world);
    // when a worker's node says with its own key what only voters may
    let host = &world.hosts[&NodeId(4)];
    let cluster = world.nodes[&NodeId(4)].cluster();
    let links = outsider(NodeId(4), host.keys.clone(), &host.secret, cluster);
    all_denied(
        &world,
        &links,
        &takeover(before + 1, NodeId(4)),
        "only a voter",
    )
    .await;
    all_denied(&world, &links, &forgeries(), "only a voter").await;
    unharmed(&world, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_one_voter_ends_no_terms_and_speaks_for_no_other() {
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let liar = world.a_follower(leader);
    let before = term(&world);
    let host = &world.hosts[&liar];
    let (keys, secret) = (host.keys.clone(), host.secret.clone());
    let cluster = world.nodes[&liar].cluster();
    // given a voter whose program is another one
    world.kill(liar).await;
    world.peers.remove(&liar);
    let links = outsider(liar, keys, &secret, cluster);
    let consensus = |term, name| {
        let mut requests = takeover(term, name);
        // Its size alone says nothing of a leader.
        requests.retain(|request| !matches!(request, NodeRequest::SnapshotBegin { .. }));
        requests
    };
    all_denied(&world, &links, &consensus(u64::MAX, liar), "too far above").await;
    all_denied(
        &world,
        &links,
        &consensus(before, leader),
        "in the name of node",
    )
    .await;
    unharmed(&world, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_follower_ends_no_session_and_founds_nothing_through_the_leader() {
    let mut world = World::formed(3).await;
    let leader = world.leader().await;
    let liar = world.a_follower(leader);
    let before = term(&world);
    let host = &world.hosts[&liar];
    let (keys, secret) = (host.keys.clone(), host.secret.clone());
    let cluster = world.nodes[&liar].cluster();
    world.kill(liar).await;
    world.peers.remove(&liar);
    let links = outsider(liar, keys, &secret, cluster);
    // when it proposes on its word what only the leader may
    let command = [NODES_WORD, b"forged"].concat();
    let word = NodeRequest::Propose {
        command: command.clone(),
        timeout_millis: 1_000,
    };
    all_denied(&world, &links, &[word], "only the leader proposes").await;
    // then it is in no log
    unharmed(&world, before).await;
    let command = String::from_utf8(command).unwrap();
    assert!(!world.holds(leader, &command).await);
    // while the leader proposes it
    let leader = world.leader().await;
    world.propose(leader, &command).await;
}
