//! Outsiders can neither append nor vote, and get the reason.

use std::sync::Arc;

use cameo_common::ids::{ClusterId, NodeId};
use openraft::raft::{TransferLeaderRequest, VoteRequest};
use openraft::type_config::alias::VoteOf;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::attacks::{forgeries, takeover};
use super::world::{World, soon};
use crate::consensus_types::TypeConfig;
use crate::link::{
    CallError, ClusterSecret, Dial, Identity, KnownKey, KnownMembers, Links, NodeKeys, Purpose,
    Refusal, TcpTransport,
};
use crate::raft::rpc::wire::{NodeRequest, encode};

struct Claims(Option<ClusterId>);
impl KnownMembers for Claims {
    fn cluster(&self) -> Option<ClusterId> {
        self.0
    }
    fn key_of(&self, _node: NodeId) -> KnownKey {
        KnownKey::Unknown
    }
}

/// Links of a caller with this claimed identity.
pub fn outsider(
    node: NodeId,
    keys: Arc<NodeKeys>,
    secret: &[u8],
    cluster: Option<ClusterId>,
) -> Links {
    let identity = Identity {
        node,
        keys,
        secret: Some(Arc::new(
            ClusterSecret::from_bytes(secret.to_vec()).unwrap(),
        )),
        members: Arc::new(Claims(cluster)),
    };
    Links::new(identity, TcpTransport::shared(), Handle::current()).unwrap()
}

/// A node's answers to requests for its vote and to a leadership transfer.
pub async fn ask_for_votes(
    links: &Links,
    from: NodeId,
    node: NodeId,
    world: &World,
) -> Vec<CallError> {
    let host = &world.hosts[&node];
    let link = links.dedicated(Dial {
        node,
        address: host.link.clone(),
        purpose: Purpose::Member,
        key: Some(host.keys.public()),
    });
    let vote = VoteOf::<TypeConfig>::new(1_000, from);
    let requests = [
        NodeRequest::Vote(VoteRequest::new(vote, None)),
        NodeRequest::PreVote(VoteRequest::new(vote, None)),
        NodeRequest::TransferLeader(TransferLeaderRequest::new(vote, node, None)),
    ];
    let mut errors = Vec::new();
    for request in requests {
        let body = encode(&request);
        errors.push(link.call(&body, soon()).await.unwrap_err());
    }
    errors
}

async fn attack(world: &World, links: &Links, from: NodeId, purpose: Purpose) -> Vec<CallError> {
    let target = NodeId(if from == NodeId(1) { 2 } else { 1 });
    let link = links.dedicated(Dial {
        node: target,
        address: world.peers[&target].clone(),
        purpose,
        key: Some(world.hosts[&target].keys.public()),
    });
    let mut errors = Vec::new();
    for request in takeover(1_000, from).into_iter().chain(forgeries()) {
        errors.push(link.call(&encode(&request), soon()).await.unwrap_err());
    }
    errors
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_each_outsider_is_refused_and_changes_nothing() {
    let world = World::formed(3).await;
    world.leader().await;
    let terms = |world: &World| world.statuses().iter().map(|s| s.term).max();
    let before = terms(&world);
    let home = world.nodes[&NodeId(1)].cluster();
    let right = world.hosts[&NodeId(3)].secret.clone();
    let right_keys = world.hosts[&NodeId(3)].keys.clone();
    let other = Arc::new(NodeKeys::generate().unwrap());

    let (member, bootstrap) = (Purpose::Member, Purpose::Bootstrap);
    let wrong = &b"guessed, and guessed wrong"[..];
    let elsewhere = Some(ClusterId([9; 32]));
    for (secret, keys, cluster, purpose, reason) in [
        (wrong, &right_keys, home, bootstrap, Refusal::Secret),
        (&right[..], &right_keys, elsewhere, member, Refusal::Cluster),
        (
            &right[..],
            &right_keys,
            None,
            member,
            Refusal::CallerHasNoCluster,
        ),
        (&right[..], &other, home, member, Refusal::Key),
    ] {
        let links = outsider(NodeId(3), keys.clone(), secret, cluster);
        for error in attack(&world, &links, NodeId(3), purpose).await {
            assert!(
                matches!(&error, CallError::Refused(refusal) if *refusal == reason),
                "{error} instead of {reason}"
            );
            assert!(error.definitely_not_done());
        }
    }

    // With the secret and the right key, but on a connection for bootstrap or to join.
    let links = outsider(NodeId(3), right_keys.clone(), &right, None);
    for purpose in [Purpose::Bootstrap, Purpose::Join] {
        for error in attack(&world, &links, NodeId(3), purpose).await {
            assert!(matches!(error, CallError::Denied(_)), "{error}");
        }
    }
    assert_eq!(terms(&world), before);
    assert!(!world.holds(1, "forged").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_node_without_a_cluster_accepts_no_appends_and_votes() {
    let mut world = World::new(3);
    world.start(1).await.unwrap();
    let host = &world.hosts[&NodeId(2)];
    let links = outsider(
        NodeId(2),
        host.keys.clone(),
        &host.secret,
        Some(ClusterId([9; 32])),
    );
    for error in attack(&world, &links, NodeId(2), Purpose::Member).await {
        assert!(
            matches!(error, CallError::Refused(Refusal::NoCluster)),
            "{error}"
        );
    }
    assert_eq!(world.nodes[&NodeId(1)].status().term, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_server_that_is_not_the_dialed_node_gets_no_request() {
    let world = World::formed(3).await;
    let host = &world.hosts[&NodeId(3)];
    let links = outsider(
        NodeId(3),
        host.keys.clone(),
        &host.secret,
        world.nodes[&NodeId(3)].cluster(),
    );
    let wrong_address = links.dedicated(Dial {
        node: NodeId(2),
        address: world.peers[&NodeId(1)].clone(),
        purpose: Purpose::Member,
        key: None,
    });
    let error = wrong_address.call(b"anything", soon()).await.unwrap_err();
    let expected = Refusal::Node {
        dialed: NodeId(2),
        answered: NodeId(1),
    };
    assert!(
        matches!(&error, CallError::Refused(refusal) if *refusal == expected),
        "{error}"
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unanswered = links.dedicated(Dial {
        node: NodeId(2),
        address: listener.local_addr().unwrap().to_string(),
        purpose: Purpose::Member,
        key: None,
    });
    let short = Instant::now() + std::time::Duration::from_millis(100);
    let error = unanswered.call(b"anything", short).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable(_)), "{error}");
}
