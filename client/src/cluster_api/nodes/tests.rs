//! Tests of what is known of the nodes.

#![allow(clippy::unwrap_used)]
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::Hash;
use cameo_common::keys::SealingPublic;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use super::*;

/// What a node of a cluster of two says, with so many hints.
fn told(hints: std::ops::Range<usize>) -> ClusterInfo {
    let node = |number: u8| NodeIdentity {
        id: NodeId(u64::from(number)),
        key: PublicKey([number; 32]),
        sealing: SealingPublic([number; 32]),
    };
    let (operator, mode) = (PublicKey([8; 32]), RegistrationMode::Open);
    let nodes = vec![node(1), node(2)];
    let descriptor = Descriptor::genesis(nodes, operator, mode, Hash([3; 32]));
    ClusterInfo {
        schema: 1,
        cluster: descriptor.founds().unwrap(),
        descriptors: Descriptors::of_first(descriptor),
        address: Signed::from_bytes(Vec::new()),
        nodes: hints
            .map(|n| (NodeId(1), format!("https://n{n}")))
            .collect(),
        now: Millis::EPOCH,
    }
}

/// Follows the chain of what a node tells, and learns the rest.
fn learn(nodes: &mut Nodes, url: &str, key: u8, info: &ClusterInfo, offset: i64) {
    let chain = Chain::verify(url, info, info.cluster).unwrap();
    nodes.follow(Arc::new(chain)).unwrap();
    nodes.learn(url, Some(PublicKey([key; 32])), info, offset);
}

#[test]
fn attack_false_hints_of_one_node_or_of_a_stranger_displace_no_other() {
    let mut nodes = Nodes::new(vec!["https://first".to_owned()]);
    // given a node that names a thousand addresses, and a stranger that repeats the descriptor
    learn(&mut nodes, "https://liar", 1, &told(0..1_000), 0);
    learn(&mut nodes, "https://stranger", 9, &told(2_000..2_001), 0);
    // when another node names one
    learn(&mut nodes, "https://honest", 2, &told(3_000..3_001), 0);
    // then that one is tried, and of the liar's a few
    let urls = nodes.urls();
    assert!(urls.contains(&"https://n3000".to_owned()));
    assert!(!urls.contains(&"https://n2000".to_owned()));
    assert!(urls.len() <= 4 + MAX_NODES, "{}", urls.len());
}

#[test]
fn attack_one_node_with_many_addresses_displaces_no_other() {
    let mut nodes = Nodes::default();
    let at = |url: usize, key: u8| Server {
        url: format!("https://n{url}"),
        key: PublicKey([key; 32]),
    };
    for url in 0..1_000 {
        nodes.learn_server(at(url, 1));
    }
    nodes.learn_server(at(7, 2));
    assert_eq!(nodes.servers.len(), MAX_SERVERS_OF_ONE + 1);
    // then the others' are there, and the newest of its own
    assert!(nodes.servers.contains(&at(7, 2)) && nodes.servers.contains(&at(999, 1)));
}

#[test]
fn attack_one_node_alone_does_not_move_the_clock() {
    assert_eq!(median(vec![]), 0);
    assert_eq!(median(vec![7]), 7);
    assert_eq!(median(vec![i64::MAX, 7]), 7);
    assert_eq!(median(vec![i64::MIN, -7]), -7);
    assert_eq!(median(vec![i64::MAX, 7, 8]), 8);
    assert_eq!(median(vec![i64::MIN, 7, 8]), 7);
    // and not at all before a majority has been asked
    let mut nodes = Nodes::default();
    learn(&mut nodes, "https://liar", 1, &told(0..0), 50_000);
    assert_eq!(nodes.clock_offset(), 0);
    learn(&mut nodes, "https://other", 2, &told(0..0), 7);
    assert_eq!(nodes.clock_offset(), 7);
}
