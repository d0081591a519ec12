//! The newest chain of descriptors that this node has verified: who votes, and who has voted.

use std::collections::BTreeSet;

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{ChainError, DescriptorLink, Descriptors};
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::signed::Strict;
use cameo_common::wire;

use crate::certificate::Voters;
use crate::raft::genesis::Genesis;

/// A verified chain, from the cluster's first descriptor on.
#[derive(Debug, Clone)]
pub(crate) struct KnownChain {
    cluster: ClusterId,
    descriptors: Descriptors,
    /// Of each descriptor, in order of number.
    hashes: Vec<Hash>,
}

impl KnownChain {
    /// Of a cluster whose nodes have not changed, as far as this node knows.
    pub fn of(genesis: &Genesis) -> Self {
        let first = genesis.descriptor();
        let hash = first.hash();
        Self {
            cluster: ClusterId(hash.0),
            descriptors: Descriptors::of_first(first),
            hashes: vec![hash],
        }
    }

    /// This chain with the links among these that it lacks. None if it has them all.
    ///
    /// # Errors
    /// When one does not follow, or is another one than is known of its number.
    pub fn with(&self, links: &[DescriptorLink]) -> Result<Option<Self>, ChainError> {
        let mut longer: Option<Self> = None;
        for link in links {
            let chain = longer.as_ref().unwrap_or(self);
            let number = link.descriptor.number;
            if let Some(known) = chain.hash(number) {
                if known != link.descriptor.hash() {
                    return Err(ChainError::Fork(number));
                }
                continue;
            }
            let newest = chain.newest();
            link.follows(&Strict, self.cluster, newest)
                .map_err(|why| ChainError::BadLink {
                    number: newest.number.saturating_add(1),
                    why,
                })?;
            let chain = longer.get_or_insert_with(|| self.clone());
            chain.hashes.push(link.descriptor.hash());
            chain.descriptors.links.push(link.clone());
        }
        Ok(longer)
    }

    /// The newest descriptor.
    pub fn newest(&self) -> &Descriptor {
        self.descriptors.newest()
    }

    /// The newest descriptor's number.
    pub fn number(&self) -> u64 {
        self.newest().number
    }

    /// The hash of the descriptor with this number; none of a later one.
    pub fn hash(&self, number: u64) -> Option<Hash> {
        let number = usize::try_from(number).ok()?;
        self.hashes.get(number).copied()
    }

    /// The links after the descriptor with this number, as many as these bytes have room for.
    pub fn links_after(&self, number: u64, bytes: usize) -> Vec<DescriptorLink> {
        let known = usize::try_from(number).unwrap_or(usize::MAX);
        let mut room = bytes;
        let later = self.descriptors.links.iter().skip(known);
        let fitting = later.take_while(|link| {
            let length = wire::encode(*link).len();
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        });
        fitting.cloned().collect()
    }

    /// The ids of the newest descriptor's nodes.
    pub fn newest_ids(&self) -> BTreeSet<NodeId> {
        ids(self.newest())
    }

    /// The node with this id, as the newest descriptor has it that has one.
    pub fn node(&self, id: NodeId) -> Option<&NodeIdentity> {
        let links = self.descriptors.links.iter().rev();
        let newest_first = links
            .map(|link| &link.descriptor)
            .chain([&self.descriptors.first]);
        newest_first.filter_map(|one| one.node(id)).next()
    }

    /// Whether the newest descriptor has this node under this key.
    pub fn is_newest(&self, id: NodeId, key: &[u8; 32]) -> bool {
        let node = self.newest().node(id);
        node.is_some_and(|node| node.key.0 == *key)
    }

    /// Whether a descriptor has this node under this key.
    pub fn has(&self, id: NodeId, key: &[u8; 32]) -> bool {
        let mut nodes = self.descriptors.all().filter_map(|one| one.node(id));
        nodes.any(|node| node.key.0 == *key)
    }

    /// Whether this id was that of a node, and is none's any more. Ids are not used again.
    pub fn has_left(&self, id: NodeId) -> bool {
        self.newest().node(id).is_none() && self.node(id).is_some()
    }

    /// Number of the first descriptor from `from` on that has exactly these nodes, each under its
    /// key.
    pub fn first_with(&self, ids_and_keys: &[(NodeId, [u8; 32])], from: u64) -> Option<u64> {
        let mut with = self.with_nodes(ids_and_keys);
        with.find(|number| *number >= from)
    }

    /// Number of the last descriptor that has exactly these nodes, each under its key.
    pub fn last_with(&self, ids_and_keys: &[(NodeId, [u8; 32])]) -> Option<u64> {
        self.with_nodes(ids_and_keys).last()
    }

    fn with_nodes(&self, ids_and_keys: &[(NodeId, [u8; 32])]) -> impl Iterator<Item = u64> {
        let has_these = |one: &&Descriptor| {
            let nodes = one.nodes.iter().map(|node| (node.id, node.key.0));
            nodes.eq(ids_and_keys.iter().copied())
        };
        self.descriptors
            .all()
            .filter(has_these)
            .map(|one| one.number)
    }

    /// Those whose signatures certify a snapshot: a majority of the nodes of any descriptor.
    pub fn voters(&self) -> Voters {
        Voters::of_any(self.descriptors.all(), self.cluster)
    }
}

fn ids(descriptor: &Descriptor) -> BTreeSet<NodeId> {
    descriptor.nodes.iter().map(|node| node.id).collect()
}
