//! The nodes that hold the parts of a deal, by the cluster's chain of descriptors.

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, DealtPart};

use super::checked_deal;
use super::error::OpenError;
use crate::cluster_api::ClusterApi;
use crate::vault::records::GrantHeld;

/// One part of a deal, and the node that has it.
#[derive(Debug, Clone)]
pub(super) struct Holder<'a> {
    pub part: &'a DealtPart,
    pub node: NodeIdentity,
    /// Whether the node is one of the present ones, under the same id and keys. One that has left
    /// may still answer.
    pub is_present: bool,
}

/// The holders of a deal that are known, those first that are present. The node of a part is the
/// one to whose key the part was sealed. Empty when no node tells of the deal's descriptor.
pub(super) async fn holders<'a>(api: &ClusterApi, deal: &'a Deal) -> Vec<Holder<'a>> {
    let since = api.descriptors_since(&deal.descriptor).await;
    let (Some(dealt_to), Some(newest)) = (since.first(), since.last()) else {
        return Vec::new();
    };
    let holders = deal.parts.iter().filter_map(|part| {
        let node = dealt_to.node(part.node)?;
        (node.sealing == part.key).then(|| Holder {
            part,
            node: node.clone(),
            is_present: newest.nodes.contains(node),
        })
    });
    let mut holders: Vec<_> = holders.collect();
    holders.sort_by_key(|holder| !holder.is_present);
    holders
}

/// Requires, before a view is charged, that so many of the nodes are left that a grant is dealt to
/// that a view can be opened. `shown` is the newest deal, as a node says. One node may show an old
/// one: the others are asked before it is believed.
///
/// # Errors
/// [`OpenError::NotDealtAgain`] when too few are left, by what each node shows.
pub async fn check_holders(
    api: &ClusterApi,
    grant: &GrantHeld,
    shown: &Signed<Deal>,
) -> Result<(), OpenError> {
    let Err(error) = enough_left(api, grant, shown).await else {
        return Ok(());
    };
    for info in api.grant_by_each(&grant.grant).await {
        if enough_left(api, grant, &info.deal).await.is_ok() {
            return Ok(());
        }
    }
    Err(error)
}

/// A deal that cannot be checked here is left to the debit, whose own deal is checked.
async fn enough_left(
    api: &ClusterApi,
    grant: &GrantHeld,
    signed: &Signed<Deal>,
) -> Result<(), OpenError> {
    let Ok(deal) = checked_deal(grant, signed) else {
        return Ok(());
    };
    let known = api.known_descriptor().await;
    if known.is_none_or(|known: Descriptor| known.hash() == deal.descriptor) {
        return Ok(());
    }
    let holders = holders(api, &deal).await;
    let (left, needed) = (present(&holders), usize::from(deal.threshold));
    if holders.is_empty() || left >= needed {
        return Ok(());
    }
    Err(OpenError::NotDealtAgain {
        owner: grant.owner.clone(),
        left,
        needed,
    })
}

/// How many of these are present.
pub(super) fn present(holders: &[Holder<'_>]) -> usize {
    holders.iter().filter(|holder| holder.is_present).count()
}
