//! Sharing of a photo, from an approved request to the receipt, one function a stage.
//!
//! photo -> `seal` (sealed, cover) -> `place` (hidden by a worker) -> re-read -> `assemble`
//! (manifest, deal, rights) -> stored -> `record` (ledger) -> `deliver` (viewer) -> `settle`
//! (receipt to the ledger).
//!
//! All stages before the record in the vault may be repeated. From there on the grant is fixed, and
//! each stage is stored before the next one begins. After a crash [`advance`] continues from there.

mod assemble;
mod deliver;
mod error;
mod place;
mod record;
mod seal;
mod sent;

use cameo_common::ids::{GrantId, RequestId};

use crate::flows::context::Context;
use crate::flows::notices::{Notice, Notices};
use crate::peer::Peers;
use crate::vault::VaultError;
use crate::vault::records::{GrantOwned, Image, Incoming, IncomingState, Stage, Terms, change};

pub use assemble::signed_deal;
pub use deliver::{check_receipt, deliver, send_rights};
pub use error::{PlaceError, ShareError};
pub use record::{record, settle};
pub use sent::{SENT_KEPT, drop_sent, has_carrier};

/// The grant of a request, if it was made.
///
/// # Errors
/// When the vault cannot be read.
pub fn grant_of(ctx: &Context, request: &RequestId) -> Result<Option<GrantOwned>, VaultError> {
    let all = ctx.vault.list::<GrantOwned>()?;
    let found = all.into_iter().map(|(_, grant)| grant);
    Ok(found.into_iter().find(|grant| grant.request_id == *request))
}

/// Requires that the viewer has no other live grant of the image, because the ledger accepts one at
/// a time.
///
/// # Errors
/// When the viewer has one, or the vault cannot be read.
pub fn no_other(ctx: &Context, incoming: &Incoming) -> Result<(), ShareError> {
    let now = ctx.api.cluster_now();
    let all = ctx.vault.list::<GrantOwned>()?;
    let mut owned = all.into_iter().map(|(_, owned)| owned);
    let other = owned.find(|owned| {
        owned.image == incoming.image
            && owned.viewer_key == incoming.viewer_key
            && owned.request_id != incoming.request
            && owned.is_known(now)
    });
    match other {
        None => Ok(()),
        Some(GrantOwned { viewer, grant, .. }) => Err(ShareError::GrantExists { viewer, grant }),
    }
}

/// Makes and records the grant of an approved request, as far as that is not done.
///
/// # Errors
/// When a stage fails; the next call continues from it.
pub async fn make(
    ctx: &Context,
    notices: &Notices,
    request: &RequestId,
) -> Result<GrantOwned, ShareError> {
    let step = |step: &str| {
        notices.publish(Notice::Sharing {
            request: *request,
            step: step.to_owned(),
        });
    };
    let grant = match grant_of(ctx, request)? {
        Some(grant) => grant,
        None => carry(ctx, &step, request).await?,
    };
    let grant = if grant.stage < Stage::Recorded {
        step("recording the grant");
        record(ctx, grant).await?
    } else {
        grant
    };
    change::<Incoming>(&ctx.vault, &request.to_string(), |incoming| {
        incoming.state = IncomingState::Granted(grant.grant);
    })?;
    Ok(grant)
}

/// Sends a recorded grant to its viewer and settles it, as far as that is not done.
///
/// # Errors
/// When the viewer is offline; the next call continues from there.
pub async fn hand_over(
    ctx: &Context,
    peers: &Peers,
    notices: &Notices,
    grant: &GrantId,
) -> Result<GrantOwned, ShareError> {
    let owned = find_owned(ctx, grant)?;
    let owned = if owned.stage < Stage::Delivered {
        let owned = deliver(ctx, peers, notices, owned).await?;
        notices.publish(Notice::Delivered {
            grant: owned.grant,
            viewer: owned.viewer.clone(),
        });
        owned
    } else {
        owned
    };
    if owned.stage < Stage::Settled {
        return settle(ctx, owned).await;
    }
    Ok(owned)
}

/// Carries out all stages that are not done.
///
/// # Errors
/// As for [`make`] and [`hand_over`].
pub async fn advance(
    ctx: &Context,
    peers: &Peers,
    notices: &Notices,
    request: &RequestId,
) -> Result<GrantOwned, ShareError> {
    let grant = make(ctx, notices, request).await?;
    hand_over(ctx, peers, notices, &grant.grant).await
}

/// A grant of this owner.
///
/// # Errors
/// When there is none.
pub fn find_owned(ctx: &Context, grant: &GrantId) -> Result<GrantOwned, ShareError> {
    ctx.vault
        .get::<GrantOwned>(&grant.to_string())?
        .ok_or(ShareError::NoSuchGrant)
}

/// The stages up to the verified carrier in the vault.
async fn carry(
    ctx: &Context,
    step: &impl Fn(&str),
    request: &RequestId,
) -> Result<GrantOwned, ShareError> {
    let (incoming, terms) = find_approved(ctx, request)?;
    no_other(ctx, &incoming)?;
    let image = ctx
        .vault
        .get::<Image>(&incoming.image.to_string())?
        .ok_or(ShareError::NoSuchImage)?;
    let descriptor = ctx.api.descriptor().await?;
    // Photos that are sealed meanwhile are placed by the same call.
    let ready = ctx.api.announce_job();
    step("sealing the photo");
    let sealed = seal::seal(ctx, &incoming, &image).await?;
    step("hiding the photo at a worker");
    let (sealed, hidden) = place::hide(&ctx.api, sealed, ready, step).await?;
    let now = ctx.api.ask_now().await;
    let owned = assemble::assemble(ctx, now, &incoming, terms, &sealed, &hidden, &descriptor)?;
    let blob = owned.blob();
    ctx.vault
        .put_blob(GrantOwned::CARRIERS, &blob, &hidden.png)?;
    ctx.vault.put(&owned.grant.to_string(), &owned)?;
    Ok(owned)
}

fn find_approved(ctx: &Context, request: &RequestId) -> Result<(Incoming, Terms), ShareError> {
    let incoming = ctx.vault.get::<Incoming>(&request.to_string())?;
    match incoming {
        Some(incoming) => match incoming.state {
            IncomingState::Approved(terms) => Ok((incoming, terms)),
            IncomingState::Failed { why, .. } => Err(ShareError::FailedBefore { why }),
            _ => Err(ShareError::NotApproved),
        },
        None => Err(ShareError::NoSuchRequest),
    }
}
