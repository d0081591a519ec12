//! The nodes of the tests, and the signatures by which one descriptor follows another.

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{DescriptorLink, Succession};
use cameo_common::ids::NodeId;
use cameo_common::keys::SigningKey;
use cameo_common::signed::Signed;

use super::{cluster_id, node_secret, operator, seed, sign};

/// A node's key.
pub fn node_key(number: u8) -> SigningKey {
    SigningKey::from_seed(seed(&format!("node {number} key")))
}

/// The nodes of these numbers.
pub fn nodes(numbers: &[u8]) -> Vec<NodeIdentity> {
    let node = |number: &u8| {
        let id = NodeId(u64::from(*number));
        NodeIdentity {
            id,
            key: node_key(*number).public(),
            sealing: node_secret(id).public(),
        }
    };
    numbers.iter().map(node).collect()
}

/// The link from a descriptor to these nodes, signed by the operator and by some nodes.
pub fn link(previous: &Descriptor, numbers: &[u8], voters: &[u8]) -> DescriptorLink {
    link_to(previous, previous.successor(nodes(numbers)), voters)
}

/// The link to any descriptor.
pub fn link_to(previous: &Descriptor, next: Descriptor, voters: &[u8]) -> DescriptorLink {
    let succession = |signer| Succession {
        cluster: cluster_id(),
        previous: previous.hash(),
        next: next.hash(),
        signer,
    };
    let signed = |number: &u8| {
        let key = node_key(*number);
        Signed::new(&key, succession(key.public()))
    };
    DescriptorLink {
        operator: sign(succession(operator())),
        voters: voters.iter().map(signed).collect(),
        descriptor: next,
    }
}
