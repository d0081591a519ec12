//! Deals of a cluster share over the nodes (Shamir over GF(256)), and its reconstruction.

use rand_core::CryptoRng;
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

use super::part::{PartContext, seal_part};
use super::{SHARE_LENGTH, SealingError, Share};
use crate::cluster_descriptor::Descriptor;
use crate::ids::{ClusterId, GrantId};
use crate::keys::PublicKey;
use crate::statements::{Deal, DealtPart, FirstFloor};

/// The grant and the number of a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dealing {
    pub cluster: ClusterId,
    pub grant: GrantId,
    pub owner: PublicKey,
    pub viewer: PublicKey,
    /// 1 for the first deal of a grant.
    pub number: u64,
    pub first_floor: FirstFloor,
}

/// Deals a share to a descriptor's nodes, so that any majority of parts reconstructs it.
///
/// # Errors
/// [`SealingError::BadDeal`] when there are no nodes or too many.
pub fn deal(
    rng: &mut impl CryptoRng,
    dealing: &Dealing,
    share: &Share,
    descriptor: &Descriptor,
) -> Result<Deal, SealingError> {
    let (t, n) = (descriptor.threshold(), descriptor.nodes.len());
    let threshold = u8::try_from(t).map_err(|_| SealingError::BadDeal)?;
    let nodes = u8::try_from(n).map_err(|_| SealingError::BadDeal)?;
    let mut split = split(rng, share, t, n)?;

    let mut parts = Vec::with_capacity(n);
    for (node, opened) in descriptor.nodes.iter().zip(&split) {
        let context = PartContext {
            cluster: dealing.cluster,
            grant: dealing.grant,
            owner: dealing.owner,
            viewer: dealing.viewer,
            deal: dealing.number,
            node_key: node.sealing,
            x: opened[0],
            threshold,
            nodes,
        };
        parts.push(DealtPart {
            node: node.id,
            key: node.sealing,
            x: opened[0],
            sealed: seal_part(rng, &context, opened)?,
            commitment: context.commitment(opened),
        });
    }
    split.zeroize();
    Ok(Deal {
        owner: dealing.owner,
        viewer: dealing.viewer,
        cluster: dealing.cluster,
        grant: dealing.grant,
        number: dealing.number,
        descriptor: descriptor.hash(),
        threshold,
        first_floor: dealing.first_floor,
        parts,
    })
}

/// Each part is x, then the polynomials' values at x.
fn split(
    rng: &mut impl CryptoRng,
    share: &Share,
    t: usize,
    n: usize,
) -> Result<Vec<Vec<u8>>, SealingError> {
    if t == 1 {
        // With a constant polynomial every value is the secret; the library's least threshold is
        // two.
        let part = |x: usize| u8::try_from(x).map(|x| [&[x], share.expose().as_slice()].concat());
        return (1..=n)
            .map(part)
            .collect::<Result<_, _>>()
            .map_err(|_| SealingError::BadDeal);
    }
    Gf256::split_bytes(t, n, share.expose(), rng).map_err(|_| SealingError::BadDeal)
}

/// Reconstructs a share from opened parts of one deal.
///
/// # Errors
/// [`SealingError::TooFewParts`] below the deal's threshold; [`SealingError::WrongPart`] when
/// two parts have the same x or one has the wrong length.
pub fn combine(deal: &Deal, opened: &[Zeroizing<Vec<u8>>]) -> Result<Share, SealingError> {
    let need = usize::from(deal.threshold);
    if opened.len() < need {
        return Err(SealingError::TooFewParts {
            have: opened.len(),
            need,
        });
    }
    if opened.iter().any(|part| part.len() != 1 + SHARE_LENGTH) {
        return Err(SealingError::WrongPart);
    }
    let mut parts: Vec<Vec<u8>> = opened[..need].iter().map(|part| part.to_vec()).collect();
    let secret = if need == 1 {
        Zeroizing::new(parts[0][1..].to_vec())
    } else {
        Zeroizing::new(Gf256::combine_bytes(&parts).map_err(|_| SealingError::WrongPart)?)
    };
    parts.zeroize();
    let bytes = secret
        .as_slice()
        .try_into()
        .map_err(|_| SealingError::WrongPart)?;
    Ok(Share::from_bytes(bytes))
}
