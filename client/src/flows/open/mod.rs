//! Opening a photo. Everything that can fail is tried before the view is charged, except the ledger
//! and the release.
//!
//! `prepare` reads the carrier, verifies it against the owner's manifest and opens the viewer
//! share. `charge` stores the one-time secret and then debits, with the same request id until the
//! photo has been shown. `parts` collects the parts of t nodes and replaces false ones with those
//! of others; `early` asks for them while the debit is under way. `enough_left` tells before the
//! charge when too few holders are left for any view.

mod charge;
mod early;
mod enough_left;
mod error;
mod parts;
mod prepare;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use cameo_common::api::Debited;
use cameo_common::ids::RequestId;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{Opened, Share, combine, open_photo};
use cameo_common::signed::Signed;
use cameo_common::statements::Deal;

use crate::cluster_api::{ClusterApi, ClusterError};
use crate::flows::holders::{holders, present};
use crate::vault::Vault;
use crate::vault::records::{GrantHeld, Identity, PendingView};

use early::Early;
use parts::{Charged, Uncollected};

pub use charge::{find_pending, finish, has_lapsed};
pub use enough_left::check_holders;
pub use error::OpenError;
pub use prepare::{Prepared, prepare, prepare_from};

/// An opened photo, and the view that was charged for it.
#[derive(Debug)]
pub struct Viewed {
    /// The view, for [`finish`].
    pub request: RequestId,
    pub photo: Arc<Opened>,
    pub number: u32,
    pub used: u32,
    pub left: u32,
    /// Whether a pending view was resumed.
    pub resumed: bool,
}

/// Charges one view or resumes the pending one, and opens the photo. Call [`finish`] once the
/// user has the photo.
///
/// # Errors
/// When the rights are revoked, have expired or are used up, and without a quorum.
pub async fn open(
    vault: &Vault,
    api: &ClusterApi,
    me: &Identity,
    prepared: &Prepared,
) -> Result<Viewed, OpenError> {
    let grant = &prepared.grant;
    let (view, resumed) = charge::create_or_resume(vault, me, grant, api.cluster_now())?;
    let mut early = Early::ask(api, &view);
    let debited = early
        .beside(charge::debit(vault, api, me, grant, &view))
        .await?;
    let number = debited.number;
    let (debited, share) = released_share(api, grant, &view, debited, early)
        .await
        .map_err(|error| charge::release_error(vault, &view, number, error))?;
    let commitment = prepared.manifest.key_commitment;
    let photo = open_photo(
        &grant.grant,
        &prepared.payload,
        &commitment,
        &prepared.viewer_share,
        &share,
    )?;
    Ok(Viewed {
        request: view.request,
        photo: Arc::new(photo),
        number: debited.number,
        used: debited.used,
        left: debited.left,
        resumed,
    })
}

/// The cluster share. If it is not released, tries once more with another answer to the debit: the
/// first may have been false, or its deal is not the newest any more.
async fn released_share(
    api: &ClusterApi,
    grant: &GrantHeld,
    view: &PendingView,
    debited: Debited,
    early: Early<'_>,
) -> Result<(Debited, Share), OpenError> {
    match cluster_share(api, grant, view, debited.clone(), early).await {
        Err(Unopened { error, is_outdated }) => {
            match charge::ask_again(api, view, &debited, is_outdated).await {
                Some(other) => {
                    let again = cluster_share(api, grant, view, other, Early::none()).await;
                    again.map_err(|unopened| unopened.error)
                }
                None => Err(error),
            }
        }
        Ok(released) => Ok(released),
    }
}

/// A cluster share that was not released.
struct Unopened {
    error: OpenError,
    /// Whether a node releases by a later deal.
    is_outdated: bool,
}

impl<E: Into<OpenError>> From<E> for Unopened {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            is_outdated: false,
        }
    }
}

/// The cluster share, by one node's answer to the debit.
async fn cluster_share(
    api: &ClusterApi,
    grant: &GrantHeld,
    view: &PendingView,
    debited: Debited,
    early: Early<'_>,
) -> Result<(Debited, Share), Unopened> {
    let deal = checked_deal(api, grant, &debited.deal)?;
    let secret = SealingSecret::from_bytes(*view.one_time.expose());
    let holders = holders(api, &deal).await;
    let charged = Charged {
        view,
        index: debited.index,
        deal: &deal,
        holders: &holders,
        secret: &secret,
    };
    match parts::collect(api, &charged, early).await {
        Ok(parts) => Ok((debited, combine(&deal, &parts)?)),
        Err(Uncollected { error, is_outdated }) => {
            let error = why_not_released(api, grant, &debited, &deal, error).await;
            Err(Unopened { error, is_outdated })
        }
    }
}

/// The error when too few parts were released: that no more could be, where that is so by the
/// newest descriptor that any node tells.
async fn why_not_released(
    api: &ClusterApi,
    grant: &GrantHeld,
    debited: &Debited,
    deal: &Deal,
    error: ClusterError,
) -> OpenError {
    if api.newest_descriptor().await.is_none() {
        return error.into();
    }
    let holders = holders(api, deal).await;
    let (number, needed) = (debited.number, usize::from(deal.threshold));
    let left = present(&holders);
    if holders.is_empty() {
        let why = "no node that answers knows the nodes to which the owner has dealt it".to_owned();
        OpenError::NotReleased { number, why }
    } else if left >= needed {
        error.into()
    } else {
        OpenError::TooFewHolders {
            number,
            owner: grant.owner.clone(),
            left,
            needed,
        }
    }
}

/// Verifies a deal: only the owner's signature counts, not the node that sent it. It names this
/// cluster; the manifest may name one from whose backup this one was restored.
fn checked_deal(
    api: &ClusterApi,
    grant: &GrantHeld,
    signed: &Signed<Deal>,
) -> Result<Deal, OpenError> {
    let deal = signed.verify()?;
    let manifest = grant.manifest.unverified()?;
    let belongs = deal.owner == grant.owner_key
        && deal.viewer == manifest.viewer
        && deal.cluster == api.cluster_id()
        && deal.grant == grant.grant;
    if belongs {
        Ok(deal)
    } else {
        Err(OpenError::ForeignDeal)
    }
}
