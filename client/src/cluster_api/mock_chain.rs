//! Chains of descriptors of tests, signed by the operator and by mock nodes.

#![allow(clippy::unwrap_used)]

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{DescriptorLink, Descriptors, Succession};
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use super::mock_node::node_key;

/// The key of the operator of mock clusters.
pub(crate) fn operator() -> SigningKey {
    SigningKey::from_seed([8; 32])
}

/// The secret to which the parts of a mock node are sealed.
pub(crate) fn sealing(id: NodeId) -> SealingSecret {
    SealingSecret::from_bytes([id.0 as u8 + 50; 32])
}

/// A mock node in a descriptor.
pub(crate) fn mock(id: u64) -> NodeIdentity {
    NodeIdentity {
        id: NodeId(id),
        key: node_key(id).public(),
        sealing: sealing(NodeId(id)).public(),
    }
}

/// The first descriptor, of these nodes.
pub(crate) fn first(ids: &[u64]) -> Descriptor {
    let nodes = ids.iter().copied().map(mock).collect();
    let operator = operator().public();
    Descriptor::genesis(nodes, operator, RegistrationMode::Open, Hash([7; 32]))
}

/// The chain of these nodes, then of those, and so on; each link is signed by all nodes before.
pub(crate) fn chain(changes: &[&[u64]]) -> Descriptors {
    let (first_nodes, later) = changes.split_first().unwrap();
    let mut chain = Descriptors::of_first(first(first_nodes));
    for ids in later {
        let link = link(&chain, ids, &operator());
        chain.links.push(link);
    }
    chain
}

/// The link to these nodes that follows a chain, with this operator's signature.
pub(crate) fn link(chain: &Descriptors, ids: &[u64], operator: &SigningKey) -> DescriptorLink {
    let previous = chain.newest();
    let descriptor = previous.successor(ids.iter().copied().map(mock).collect());
    let cluster: ClusterId = chain.first.founds().unwrap();
    let signed = |key: &SigningKey| {
        let succession = Succession {
            cluster,
            previous: previous.hash(),
            next: descriptor.hash(),
            signer: key.public(),
        };
        Signed::new(key, succession)
    };
    let voters = previous.nodes.iter().map(|node| signed(&node_key(node.id)));
    DescriptorLink {
        operator: signed(operator),
        voters: voters.collect(),
        descriptor,
    }
}
