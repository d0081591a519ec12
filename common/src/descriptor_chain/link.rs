//! One link of a chain of descriptors: the next descriptor, and who has signed that it is the next.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cluster_descriptor::{Descriptor, MAX_NODES};
use crate::ids::{ClusterId, Hash};
use crate::keys::PublicKey;
use crate::signed::{Signed, Statement, Verifier};

/// Most descriptors of a cluster. Clients read and verify all of them.
pub const MAX_DESCRIPTORS: u64 = 1_000;

/// The statement that a cluster's descriptor is followed by another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    pub cluster: ClusterId,
    /// Hashes of the two descriptors.
    pub previous: Hash,
    pub next: Hash,
    /// The operator's key, or that of a node of the previous descriptor.
    pub signer: PublicKey,
}

impl Statement for Succession {
    const LABEL: &'static str = "descriptor-succession";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.signer
    }
}

/// A descriptor with the signatures that make it the successor of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorLink {
    pub descriptor: Descriptor,
    pub operator: Signed<Succession>,
    /// Of nodes of the descriptor before, one each.
    pub voters: Vec<Signed<Succession>>,
}

/// The reason why a link does not follow a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("it is not the next one of descriptor {0}")]
    NotNext(u64),
    #[error("a cluster has at most {MAX_DESCRIPTORS} descriptors")]
    TooMany,
    #[error("its layout or its nodes are not well-formed")]
    Malformed,
    #[error("more than the nodes of a descriptor change in it")]
    OtherFields,
    #[error("the operator has not signed it")]
    NoOperator,
    #[error("a signature is wrong, of another change, or of a key that is no node's")]
    BadVoter,
    #[error("a node's signature is there twice")]
    VoterTwice,
    #[error("{signed} nodes of the descriptor before have signed it, and {needed} have to")]
    TooFewVoters { signed: usize, needed: usize },
}

impl DescriptorLink {
    /// Whether this link follows `previous`, which is verified, in this cluster. The one rule for
    /// replicas and clients.
    ///
    /// # Errors
    /// See [`LinkError`]. What costs no signature is checked first.
    pub fn follows(
        &self,
        verifier: &dyn Verifier,
        cluster: ClusterId,
        previous: &Descriptor,
    ) -> Result<(), LinkError> {
        check_next(previous, &self.descriptor)?;
        if self.voters.len() > previous.nodes.len() {
            return Err(LinkError::VoterTwice);
        }
        let succession = |signer| Succession {
            cluster,
            previous: previous.hash(),
            next: self.descriptor.hash(),
            signer,
        };
        // The key of the one before: a new operator would take over the cluster by its own word.
        if self.operator.verify_by(verifier).ok() != Some(succession(previous.operator)) {
            return Err(LinkError::NoOperator);
        }
        let mut signed = BTreeSet::new();
        for voter in &self.voters {
            let content = voter.verify_by(verifier).ok();
            let content = content.ok_or(LinkError::BadVoter)?;
            let is_node = previous.nodes.iter().any(|node| node.key == content.signer);
            if !is_node || content != succession(content.signer) {
                return Err(LinkError::BadVoter);
            }
            if !signed.insert(content.signer) {
                return Err(LinkError::VoterTwice);
            }
        }
        let (signed, needed) = (signed.len(), previous.threshold());
        if signed < needed {
            return Err(LinkError::TooFewVoters { signed, needed });
        }
        Ok(())
    }

    /// The statements that [`Self::follows`] may verify. None of a link with more than it takes.
    pub fn statements(&self) -> impl Iterator<Item = &Signed<Succession>> {
        let fits = self.voters.len() <= MAX_NODES;
        let all = std::iter::once(&self.operator).chain(&self.voters);
        all.filter(move |_| fits)
    }
}

/// Whether a descriptor may be the next one of `previous`, apart from the signatures.
///
/// # Errors
/// See [`LinkError`]; none that is of a signature.
pub fn check_next(previous: &Descriptor, next: &Descriptor) -> Result<(), LinkError> {
    if previous.number.checked_add(1) != Some(next.number) || next.previous != Some(previous.hash())
    {
        return Err(LinkError::NotNext(previous.number));
    }
    if next.number >= MAX_DESCRIPTORS {
        return Err(LinkError::TooMany);
    }
    if !next.is_well_formed() {
        return Err(LinkError::Malformed);
    }
    let fixed = |of: &Descriptor| (of.nonce, of.operator, of.registration, of.predecessor);
    if fixed(next) != fixed(previous) {
        return Err(LinkError::OtherFields);
    }
    Ok(())
}
