//! The descriptor of a cluster: the nodes that hold parts, with their keys.
//!
//! The cluster id is the hash of the first descriptor, and `init` pins it; each later
//! descriptor names the one before, see [`crate::descriptor_chain`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, Hash, NodeId};
use crate::keys::{PublicKey, SealingPublic};
use crate::predecessor::{Beginning, Predecessor};
use crate::registration::RegistrationMode;
use crate::wire;

/// Most nodes in a descriptor; a deal has a part for each.
pub const MAX_NODES: usize = 15;

/// One voting node, as in clients' pins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeIdentity {
    pub id: NodeId,
    /// Signs the node's tickets and proves the node on its links.
    pub key: PublicKey,
    /// Parts of deals for this node are sealed to it.
    pub sealing: SealingPublic,
}

/// The voting nodes at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DescriptorBody", into = "DescriptorBody")]
pub struct Descriptor {
    /// Version of this body's layout.
    pub version: u16,
    /// 0 for the first.
    pub number: u64,
    /// Hash of the descriptor before; none for the first.
    pub previous: Option<Hash>,
    /// Random, so that two clusters of the same nodes have different first descriptors. Later ones
    /// have that of the first.
    pub nonce: Hash,
    /// In ascending order of id.
    pub nodes: Vec<NodeIdentity>,
    /// Signs what only the operator decides. Its secret is on no node.
    pub operator: PublicKey,
    /// Who may register when the cluster begins; the state has the present mode.
    pub registration: RegistrationMode,
    /// The state that the cluster begins from, if it does not begin empty. Later ones have that of
    /// the first.
    pub predecessor: Option<Predecessor>,
}

/// Version of a [`Descriptor`] without a predecessor.
pub const DESCRIPTOR_VERSION: u16 = 2;
/// Version of one with a predecessor.
pub const SUCCEEDING_VERSION: u16 = 3;

/// The encoding of a [`Descriptor`].
#[derive(Clone, Serialize, Deserialize)]
struct DescriptorBody {
    version: u16,
    number: u64,
    previous: Option<Hash>,
    nonce: Hash,
    nodes: Vec<NodeIdentity>,
    operator: PublicKey,
    registration: Beginning,
}

impl From<DescriptorBody> for Descriptor {
    fn from(body: DescriptorBody) -> Self {
        let (registration, predecessor) = body.registration.parts();
        Self {
            version: body.version,
            number: body.number,
            previous: body.previous,
            nonce: body.nonce,
            nodes: body.nodes,
            operator: body.operator,
            registration,
            predecessor,
        }
    }
}

impl From<Descriptor> for DescriptorBody {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            version: descriptor.version,
            number: descriptor.number,
            previous: descriptor.previous,
            nonce: descriptor.nonce,
            nodes: descriptor.nodes,
            operator: descriptor.operator,
            registration: Beginning::new(descriptor.registration, descriptor.predecessor),
        }
    }
}

impl Descriptor {
    /// The first descriptor of a new cluster.
    #[must_use]
    pub fn genesis(
        mut nodes: Vec<NodeIdentity>,
        operator: PublicKey,
        registration: RegistrationMode,
        nonce: Hash,
    ) -> Self {
        nodes.sort_by_key(|node| node.id);
        Self {
            version: DESCRIPTOR_VERSION,
            number: 0,
            previous: None,
            nonce,
            nodes,
            operator,
            registration,
            predecessor: None,
        }
    }

    /// The same of a cluster that begins from another cluster's state.
    #[must_use]
    pub fn after(mut self, predecessor: Predecessor) -> Self {
        self.version = SUCCEEDING_VERSION;
        self.predecessor = Some(predecessor);
        self
    }

    /// The descriptor that follows this one with other nodes: they are all that changes.
    #[must_use]
    pub fn successor(&self, mut nodes: Vec<NodeIdentity>) -> Self {
        nodes.sort_by_key(|node| node.id);
        Self {
            version: self.version,
            number: self.number.saturating_add(1),
            previous: Some(self.hash()),
            nonce: self.nonce,
            nodes,
            operator: self.operator,
            registration: self.registration,
            predecessor: self.predecessor,
        }
    }

    /// Whether the layout is known, and the nodes are 1 to [`MAX_NODES`], in ascending order of
    /// their ids, each with a key of its own.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let keys: BTreeSet<_> = self.nodes.iter().map(|node| node.key).collect();
        let version = match self.predecessor {
            None => DESCRIPTOR_VERSION,
            Some(_) => SUCCEEDING_VERSION,
        };
        self.version == version
            && (1..=MAX_NODES).contains(&self.nodes.len())
            && self.nodes.is_sorted_by(|one, next| one.id < next.id)
            && keys.len() == self.nodes.len()
    }

    /// How many of another descriptor's nodes are in this one, under the same id and keys.
    #[must_use]
    pub fn common_nodes(&self, other: &Self) -> usize {
        let nodes = other.nodes.iter();
        nodes.filter(|node| self.nodes.contains(node)).count()
    }

    /// The hash by which deals and later descriptors refer to this one.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(
            *blake3::Hasher::new_derive_key("cameo cluster descriptor v2")
                .update(&wire::encode(self))
                .finalize()
                .as_bytes(),
        )
    }

    /// The id of the cluster of which this is the first descriptor; None for later ones.
    #[must_use]
    pub fn founds(&self) -> Option<ClusterId> {
        (self.number == 0 && self.previous.is_none()).then(|| ClusterId(self.hash().0))
    }

    /// Parts that are needed to reconstruct a share: a majority.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.nodes.len() / 2 + 1
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&NodeIdentity> {
        self.nodes.iter().find(|node| node.id == id)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn node(id: u8) -> NodeIdentity {
        NodeIdentity {
            id: NodeId(u64::from(id)),
            key: PublicKey([id; 32]),
            sealing: SealingPublic([id + 100; 32]),
        }
    }

    fn genesis(nodes: Vec<NodeIdentity>) -> Descriptor {
        let (operator, mode) = (PublicKey([8; 32]), RegistrationMode::Invite);
        Descriptor::genesis(nodes, operator, mode, Hash([9; 32]))
    }

    #[test]
    fn the_order_of_nodes_does_not_matter() {
        let one = genesis(vec![node(2), node(1)]);
        let other = genesis(vec![node(1), node(2)]);
        assert_eq!(one.founds().unwrap(), other.founds().unwrap());
        let later = Descriptor {
            number: 1,
            previous: Some(one.hash()),
            ..one
        };
        assert_eq!(later.founds(), None);
    }

    #[test]
    fn a_threshold_is_a_majority() {
        for (n, t) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
            assert_eq!(genesis((1..=n).map(node).collect()).threshold(), t);
        }
    }

    #[test]
    fn attack_another_operator_or_mode_gives_another_fingerprint() {
        let one = genesis(vec![node(1)]);
        let other_operator = Descriptor {
            operator: PublicKey([7; 32]),
            ..one.clone()
        };
        let other_mode = Descriptor {
            registration: RegistrationMode::Open,
            ..one.clone()
        };
        assert_ne!(one.founds(), other_operator.founds());
        assert_ne!(one.founds(), other_mode.founds());
    }

    #[test]
    fn a_descriptor_is_well_formed_by_its_layout_and_its_nodes() {
        let good = genesis((1..=3).map(node).collect());
        assert!(good.is_well_formed());
        let change = |change: &dyn Fn(&mut Descriptor)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad
        };
        for (what, bad) in [
            ("no nodes", change(&|one| one.nodes.clear())),
            ("order", change(&|one| one.nodes.reverse())),
            ("id twice", change(&|one| one.nodes[1].id = NodeId(1))),
            (
                "key twice",
                change(&|one| one.nodes[1].key = one.nodes[0].key),
            ),
            ("layout", change(&|one| one.version += 1)),
        ] {
            assert!(!bad.is_well_formed(), "{what}");
        }
        let most = MAX_NODES as u8;
        assert!(genesis((1..=most).map(node).collect()).is_well_formed());
        assert!(!genesis((1..=most + 1).map(node).collect()).is_well_formed());
    }

    #[test]
    fn a_node_is_common_to_two_descriptors_under_the_same_keys_only() {
        let one = genesis((1..=3).map(node).collect());
        let mut other = one.successor((2..=4).map(node).collect());
        assert_eq!(other.common_nodes(&one), 2);
        other.nodes[0].sealing = SealingPublic([7; 32]);
        assert_eq!(other.common_nodes(&one), 1);
        other.nodes[1].key = PublicKey([7; 32]);
        assert_eq!(other.common_nodes(&one), 0);
    }

    #[test]
    fn a_predecessor_is_part_of_the_fingerprint_and_of_each_descriptor_of_the_cluster() {
        let one = genesis(vec![node(1)]);
        let predecessor = Predecessor {
            cluster: one.founds().unwrap(),
            index: 300,
            state: Hash([5; 32]),
            content: Hash([6; 32]),
        };
        let next = one.clone().after(predecessor);
        assert!(next.is_well_formed());
        assert_ne!(next.founds(), one.founds());
        let other = Predecessor {
            index: 301,
            ..predecessor
        };
        assert_ne!(next.founds(), one.clone().after(other).founds());
        let later = next.successor(vec![node(2)]);
        assert_eq!(later.predecessor, Some(predecessor));
        assert!(later.is_well_formed());
        let hidden = Descriptor {
            predecessor: None,
            ..next.clone()
        };
        assert!(!hidden.is_well_formed());
        assert_eq!(wire::decode(&wire::encode(&next)), Ok(next.clone()));
        let json = serde_json::to_string(&next).unwrap();
        assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), next);
        // Of the layout with a predecessor: the mode has another number, and it follows.
        let ids = [&predecessor.cluster.0[..], &[0xac, 2], &[5; 32], &[6; 32]].concat();
        let nodes = [&[1, 1][..], &[1; 32], &[101; 32]].concat();
        let bytes = [&[3, 0, 0][..], &[9; 32], &nodes, &[8; 32], &[4], &ids].concat();
        assert_eq!(wire::encode(&next), bytes);
    }

    #[test]
    fn its_bytes_are_pinned() {
        let nodes = [&[1, 1][..], &[1; 32], &[101; 32]].concat();
        let expected = [&[2, 0, 0][..], &[9; 32], &nodes, &[8; 32], &[1]].concat();
        assert_eq!(wire::encode(&genesis(vec![node(1)])), expected);
    }
}
