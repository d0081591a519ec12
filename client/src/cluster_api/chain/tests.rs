//! Tests of the chain, by signed and by forged descriptors.

#![allow(clippy::unwrap_used)]
use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::descriptor_chain::{DescriptorLink, Descriptors};
use cameo_common::ids::{Hash, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

fn info() -> ClusterInfo {
    let node = NodeIdentity {
        id: NodeId(1),
        key: PublicKey([1; 32]),
        sealing: SealingPublic([2; 32]),
    };
    let descriptor = Descriptor::genesis(
        vec![node],
        PublicKey([8; 32]),
        RegistrationMode::Open,
        Hash([3; 32]),
    );
    ClusterInfo {
        schema: 1,
        cluster: descriptor.founds().unwrap(),
        descriptors: Descriptors::of_first(descriptor),
        address: Signed::from_bytes(Vec::new()),
        nodes: vec![],
        now: Millis::EPOCH,
    }
}

#[test]
fn attack_only_the_pinned_cluster_is_accepted() {
    let good = info();
    assert_eq!(verify("u", &good, good.cluster), Ok(()));
    let pinned = ClusterId([9; 32]);
    assert!(matches!(
        verify("u", &good, pinned),
        Err(ClusterError::WrongCluster { .. })
    ));
    let liar = ClusterInfo {
        cluster: pinned,
        ..good
    };
    assert!(matches!(
        verify("u", &liar, pinned),
        Err(ClusterError::WrongCluster { .. })
    ));
}

#[test]
fn attack_a_descriptor_that_a_node_supplies_itself_is_refused() {
    let mut grown = info();
    let first = &grown.descriptors.first;
    let later = DescriptorLink {
        descriptor: first.successor(first.nodes.clone()),
        operator: Signed::from_bytes(Vec::new()),
        voters: Vec::new(),
    };
    grown.descriptors.links.push(later);
    assert!(matches!(
        verify("u", &grown, grown.cluster),
        Err(ClusterError::Protocol { .. })
    ));
}
