//! The cluster's chain of descriptors as this client has verified it, and what a home remembers of
//! it: neither goes back, nor over to another chain.

use cameo_common::api::ClusterInfo;
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{ChainError, DescriptorChain, Descriptors, KnownDescriptor};
use cameo_common::ids::{ClusterId, Hash};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Strict;

use super::ClusterError;

/// What a home remembers of its cluster's chain, across processes.
pub trait ChainMemory: Send + Sync {
    /// Requires that a chain goes on from the newest descriptor that is remembered, and remembers
    /// its newest one, durably. Never goes back, also when several processes call it.
    ///
    /// # Errors
    /// [`FollowError::Chain`] when the chain ends before that descriptor or has another one there;
    /// [`FollowError::Memory`] when the home cannot be read or written.
    fn follow(&self, chain: &DescriptorChain) -> Result<(), FollowError>;
}

/// A chain that a home does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("{0}")]
    Memory(String),
}

impl FollowError {
    /// The error of a call to the node at this URL.
    pub(super) fn at(self, url: &str) -> ClusterError {
        let url = url.to_owned();
        match self {
            Self::Chain(ChainError::Older { newest, known }) => {
                ClusterError::OlderChain { url, newest, known }
            }
            Self::Chain(ChainError::Fork(number)) => ClusterError::Fork { url, number },
            Self::Chain(error) => ClusterError::Protocol {
                url,
                why: error.to_string(),
            },
            Self::Memory(why) => ClusterError::NotRemembered { why },
        }
    }
}

/// A cluster's descriptors, of which each link is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    told: Descriptors,
    verified: DescriptorChain,
}

impl Chain {
    /// Verifies the descriptors that the node at a URL tells, from the cluster's id on.
    ///
    /// # Errors
    /// [`ClusterError::WrongCluster`] for those of another cluster, [`ClusterError::Protocol`] for
    /// any that do not follow one another.
    pub fn verify(url: &str, info: &ClusterInfo, pinned: ClusterId) -> Result<Self, ClusterError> {
        let protocol = |why: String| ClusterError::Protocol {
            url: url.to_owned(),
            why,
        };
        let found = info.descriptors.first.founds();
        let found =
            found.ok_or_else(|| protocol("its first descriptor founds no cluster".to_owned()))?;
        if found != pinned || info.cluster != pinned {
            return Err(ClusterError::WrongCluster {
                url: url.to_owned(),
                found,
                pinned,
            });
        }
        let verified = info.descriptors.verify(&Strict, pinned);
        Ok(Self {
            verified: verified.map_err(|why| protocol(why.to_string()))?,
            told: info.descriptors.clone(),
        })
    }

    /// Whether these are the same descriptors with the same signatures.
    pub fn is_told(&self, descriptors: &Descriptors) -> bool {
        self.told == *descriptors
    }

    pub fn verified(&self) -> &DescriptorChain {
        &self.verified
    }

    pub fn newest(&self) -> &Descriptor {
        self.verified.newest()
    }

    /// Requires that this chain goes on from another one.
    ///
    /// # Errors
    /// As for [`DescriptorChain::extends`].
    pub fn extends(&self, before: &Self) -> Result<(), ChainError> {
        let known = KnownDescriptor::of(before.newest());
        self.verified.extends(&known)
    }

    /// The descriptor with this hash, and all later ones; none if there is no such one.
    pub fn since(&self, hash: &Hash) -> Vec<Descriptor> {
        let all = self.told.all();
        all.skip_while(|descriptor| descriptor.hash() != *hash)
            .cloned()
            .collect()
    }

    /// The node of this key, in any descriptor.
    pub fn node(&self, key: &PublicKey) -> Option<&NodeIdentity> {
        let mut nodes = self.told.all().flat_map(|descriptor| &descriptor.nodes);
        nodes.find(|node| node.key == *key)
    }
}

#[cfg(test)]
mod tests;
