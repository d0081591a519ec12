//! The rule of certificates.

use std::collections::BTreeSet;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::ClusterId;
use cameo_common::keys::PublicKey;
use cameo_common::signed::{Signed, StatementError};
use cameo_common::statements::Checkpoint;
use thiserror::Error;

use super::{Certificate, StatePoint};

/// Why a state is not certified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotCertified {
    #[error("it has no certificate")]
    None,
    #[error("its certificate cannot be read")]
    Unreadable,
    #[error("{signed} voters have signed it, and {needed} must")]
    TooFew { signed: usize, needed: usize },
    #[error("a signature is of no voter of this cluster")]
    NotVoter,
    #[error("a checkpoint is of another cluster")]
    OtherCluster,
    #[error("the voters have signed another state: that of entry {index} of term {term}")]
    OtherState { term: u64, index: u64 },
    #[error("a checkpoint cannot be verified: {0}")]
    Statement(#[from] StatementError),
}

/// The voters of a cluster, as the receiver of a snapshot knows them: those of each descriptor.
#[derive(Debug, Clone)]
pub struct Voters {
    cluster: ClusterId,
    /// Of each descriptor, in order of number.
    sets: Vec<VoterSet>,
}

#[derive(Debug, Clone)]
struct VoterSet {
    keys: BTreeSet<[u8; 32]>,
    threshold: usize,
}

impl VoterSet {
    fn of(descriptor: &Descriptor) -> Self {
        Self {
            keys: descriptor.nodes.iter().map(|node| node.key.0).collect(),
            threshold: descriptor.threshold(),
        }
    }
}

impl Voters {
    /// The voters of one descriptor of this cluster.
    #[must_use]
    pub fn of(descriptor: &Descriptor, cluster: ClusterId) -> Self {
        Self::of_any([descriptor], cluster)
    }

    /// The voters of each of these descriptors, which are a verified chain of this cluster.
    #[must_use]
    pub fn of_any<'a>(
        descriptors: impl IntoIterator<Item = &'a Descriptor>,
        cluster: ClusterId,
    ) -> Self {
        Self {
            cluster,
            sets: descriptors.into_iter().map(VoterSet::of).collect(),
        }
    }

    /// The cluster that they are of.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// The voter that has signed this state.
    ///
    /// # Errors
    /// When the statement is not a voter's, or of another state.
    pub fn check_one(
        &self,
        signed: &Signed<Checkpoint>,
        point: &StatePoint,
    ) -> Result<PublicKey, NotCertified> {
        let checkpoint = signed.verify()?;
        let node = &checkpoint.node.0;
        if !self.sets.iter().any(|set| set.keys.contains(node)) {
            return Err(NotCertified::NotVoter);
        }
        if checkpoint.cluster != self.cluster {
            return Err(NotCertified::OtherCluster);
        }
        let (term, index) = (checkpoint.term, checkpoint.index);
        match StatePoint::of(&checkpoint) == *point {
            true => Ok(checkpoint.node),
            false => Err(NotCertified::OtherState { term, index }),
        }
    }

    /// Law: a state is certified when a majority of the nodes of one descriptor have signed exactly
    /// it.
    ///
    /// # Errors
    /// When one of the checkpoints is not a voter's over this state, or too few voters have signed.
    pub fn check(
        &self,
        certificate: Option<&Certificate>,
        point: &StatePoint,
    ) -> Result<(), NotCertified> {
        let Certificate(checkpoints) = certificate.ok_or(NotCertified::None)?;
        let mut signed = BTreeSet::new();
        for checkpoint in checkpoints {
            signed.insert(self.check_one(checkpoint, point)?.0);
        }
        let mut missing = None;
        for set in self.sets.iter().rev() {
            let (signed, needed) = (signed.intersection(&set.keys).count(), set.threshold);
            if signed >= needed {
                return Ok(());
            }
            // Of the newest descriptor.
            missing.get_or_insert((signed, needed));
        }
        let (signed, needed) = missing.unwrap_or_default();
        Err(NotCertified::TooFew { signed, needed })
    }
}
