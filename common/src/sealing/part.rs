//! One node's part: sealed to the node in the deal, sealed again to a one-time key at release.
//!
//! The opener rebuilds both infos from committed rows, so that a part cannot be moved to another
//! grant, viewer, deal or node, nor a release to another request.

use rand_core::CryptoRng;
use serde::Serialize;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{SealingError, hpke};
use crate::ids::{ClusterId, GrantId, Hash, RequestId};
use crate::keys::{PublicKey, SealingPublic, SealingSecret};
use crate::statements::{Deal, DealtPart};
use crate::wire;

/// The values to which a sealed part is bound: (label, cluster, grant, owner, viewer, deal number,
/// node key, x, t, n).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartContext {
    pub cluster: ClusterId,
    pub grant: GrantId,
    pub owner: PublicKey,
    pub viewer: PublicKey,
    pub deal: u64,
    pub node_key: SealingPublic,
    pub x: u8,
    pub threshold: u8,
    pub nodes: u8,
}

impl PartContext {
    /// The context of one part of a deal.
    #[must_use]
    pub fn of(deal: &Deal, part: &DealtPart) -> Self {
        Self {
            cluster: deal.cluster,
            grant: deal.grant,
            owner: deal.owner,
            viewer: deal.viewer,
            deal: deal.number,
            node_key: part.key,
            x: part.x,
            threshold: deal.threshold,
            nodes: u8::try_from(deal.parts.len()).unwrap_or(u8::MAX),
        }
    }

    fn info(&self) -> Vec<u8> {
        wire::encode(&("cameo dealt part v1", self))
    }

    /// The commitment to a part, so that a wrong one is detected when it is released.
    #[must_use]
    pub fn commitment(&self, part: &[u8]) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("cameo part commitment v1");
        hasher.update(&self.info()).update(part);
        Hash(*hasher.finalize().as_bytes())
    }
}

/// The values to which a released part is bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseContext {
    pub part: PartContext,
    pub request: RequestId,
    /// Hash of the exact bytes of the viewer's request, as debited.
    pub request_hash: Hash,
}

impl ReleaseContext {
    fn info(&self) -> Vec<u8> {
        wire::encode(&("cameo released part v1", self))
    }
}

/// A part that is sealed to a viewer's one-time key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedPart {
    pub x: u8,
    pub sealed: Vec<u8>,
}

pub(super) fn seal_part(
    rng: &mut impl CryptoRng,
    context: &PartContext,
    part: &[u8],
) -> Result<Vec<u8>, SealingError> {
    hpke::seal(rng, &context.node_key, &context.info(), part)
}

/// Opens this node's part of a deal, and checks it against its commitment.
///
/// # Errors
/// [`SealingError::WrongKey`] when it was sealed to another node or for another grant;
/// [`SealingError::WrongPart`] when it does not fit the owner's commitment.
pub fn open_part(
    secret: &SealingSecret,
    context: &PartContext,
    part: &DealtPart,
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    let opened = hpke::open(secret, &context.info(), &part.sealed)?;
    check(context, part, opened)
}

/// Seals an opened part to the one-time key of a debited request.
///
/// # Errors
/// [`SealingError::WrongKey`] when the one-time key is no key.
pub fn release_part(
    rng: &mut impl CryptoRng,
    context: &ReleaseContext,
    one_time: &SealingPublic,
    opened: &[u8],
) -> Result<ReleasedPart, SealingError> {
    let sealed = hpke::seal(rng, one_time, &context.info(), opened)?;
    Ok(ReleasedPart {
        x: context.part.x,
        sealed,
    })
}

/// Opens a released part, and checks it against the deal, which detects a lying node.
///
/// # Errors
/// As for [`open_part`].
pub fn open_release(
    one_time: &SealingSecret,
    context: &ReleaseContext,
    part: &DealtPart,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    let opened = hpke::open(one_time, &context.info(), sealed)?;
    check(&context.part, part, opened)
}

fn check(
    context: &PartContext,
    part: &DealtPart,
    opened: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    if context
        .commitment(&opened)
        .0
        .ct_eq(&part.commitment.0)
        .into()
    {
        Ok(opened)
    } else {
        Err(SealingError::WrongPart)
    }
}
