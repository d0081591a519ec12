//! Whether enough nodes are left that hold the parts of a grant, before a view is charged.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::signed::Signed;
use cameo_common::statements::Deal;

use super::checked_deal;
use super::error::OpenError;
use crate::cluster_api::ClusterApi;
use crate::flows::holders::{holders, present};
use crate::vault::records::GrantHeld;

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
    let Ok(deal) = checked_deal(api, grant, signed) else {
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
