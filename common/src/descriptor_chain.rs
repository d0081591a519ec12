//! The chain of a cluster's descriptors: from the first, whose hash is the cluster's id, to the
//! newest. Each later one is signed by the operator and by a majority of the nodes before it.

mod link;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::cluster_descriptor::Descriptor;
use crate::ids::{ClusterId, Hash};
use crate::signed::Verifier;

pub use link::{DescriptorLink, LinkError, MAX_DESCRIPTORS, Succession, check_next};

/// The descriptor that somebody has verified before, by its number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDescriptor {
    pub number: u64,
    pub hash: Hash,
}

impl KnownDescriptor {
    /// What to remember of a descriptor.
    #[must_use]
    pub fn of(descriptor: &Descriptor) -> Self {
        Self {
            number: descriptor.number,
            hash: descriptor.hash(),
        }
    }
}

/// The reason why descriptors are not the chain of a cluster, or not the one that was known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("its first descriptor is not the one of cluster {0}")]
    OtherCluster(ClusterId),
    #[error("its first descriptor is not well-formed, or of a layout of a newer program")]
    Malformed,
    #[error("descriptor {number} does not follow the one before it: {why}")]
    BadLink { number: u64, why: LinkError },
    #[error(
        "it ends with descriptor {newest}, and descriptor {known} is known: the node is behind, or \
         hides a change of the cluster's nodes"
    )]
    Older { newest: u64, known: u64 },
    #[error("its descriptor {0} is another one than was known before: there are two chains")]
    Fork(u64),
}

/// The descriptors of a cluster as somebody tells them: nothing of them is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptors {
    /// Its hash is the cluster's id.
    pub first: Descriptor,
    /// Each later one, in order.
    pub links: Vec<DescriptorLink>,
}

impl Descriptors {
    /// Of a cluster whose nodes have never changed.
    #[must_use]
    pub fn of_first(first: Descriptor) -> Self {
        let links = Vec::new();
        Self { first, links }
    }

    /// Each descriptor, in order of number.
    pub fn all(&self) -> impl Iterator<Item = &Descriptor> {
        let later = self.links.iter().map(|link| &link.descriptor);
        std::iter::once(&self.first).chain(later)
    }

    /// The last one.
    #[must_use]
    pub fn newest(&self) -> &Descriptor {
        self.links
            .last()
            .map_or(&self.first, |link| &link.descriptor)
    }

    /// The chain, if these are a cluster's.
    ///
    /// # Errors
    /// See [`DescriptorChain::verify`].
    pub fn verify(
        &self,
        verifier: &dyn Verifier,
        cluster: ClusterId,
    ) -> Result<DescriptorChain, ChainError> {
        DescriptorChain::verify(verifier, cluster, &self.first, &self.links)
    }
}

/// A chain whose every link is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescriptorChain {
    /// Of each descriptor, in order of number.
    hashes: Vec<Hash>,
    newest: Descriptor,
}

impl DescriptorChain {
    /// Verifies a cluster's chain, from its first descriptor on.
    ///
    /// # Errors
    /// When the first descriptor does not found this cluster, and when a link does not follow the
    /// one before. The first fault ends the check.
    pub fn verify(
        verifier: &dyn Verifier,
        cluster: ClusterId,
        first: &Descriptor,
        links: &[DescriptorLink],
    ) -> Result<Self, ChainError> {
        if first.founds() != Some(cluster) {
            return Err(ChainError::OtherCluster(cluster));
        }
        if !first.is_well_formed() {
            return Err(ChainError::Malformed);
        }
        let mut chain = Self {
            hashes: vec![first.hash()],
            newest: first.clone(),
        };
        for link in links {
            let followed = link.follows(verifier, cluster, &chain.newest);
            followed.map_err(|why| ChainError::BadLink {
                number: chain.newest.number.saturating_add(1),
                why,
            })?;
            chain.hashes.push(link.descriptor.hash());
            chain.newest = link.descriptor.clone();
        }
        Ok(chain)
    }

    /// The newest descriptor.
    #[must_use]
    pub fn newest(&self) -> &Descriptor {
        &self.newest
    }

    /// Requires that this chain goes on from a descriptor that was known before.
    ///
    /// # Errors
    /// [`ChainError::Older`] when it ends before that one, [`ChainError::Fork`] when it has another
    /// one of that number.
    pub fn extends(&self, known: &KnownDescriptor) -> Result<(), ChainError> {
        let of_number = usize::try_from(known.number).ok();
        match of_number.and_then(|number| self.hashes.get(number)) {
            None => Err(ChainError::Older {
                newest: self.newest.number,
                known: known.number,
            }),
            Some(hash) if *hash != known.hash => Err(ChainError::Fork(known.number)),
            Some(_) => Ok(()),
        }
    }
}
