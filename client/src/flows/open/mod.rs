//! From a carrier to the photo: everything that can fail without a charge is done before the charge.
//!
//! `prepare` reads the carrier, checks it against the owner's manifest and opens the viewer's own
//! share. `charge` keeps the one-time secret, then debits: the same request id until the photo has
//! been shown. `parts` collects from t nodes, drops liars and asks others.

mod parts;
mod prepare;

use std::time::Duration;

use cameo_common::api::{Debited, ErrorCode, RESUME};
use cameo_common::ids::RequestId;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{Opened, Share, combine, open_photo};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, ViewRequest};

use crate::cli::exit::Failure;
use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::vault::records::{GrantHeld, Identity, PendingView, Secret, change};
use crate::vault::{Vault, VaultError};

pub use prepare::{Prepared, prepare, prepare_from};

/// A begun view is kept for so long after its time: this machine's clock is not the ledger's.
const LAPSE_MARGIN: Duration = Duration::from_secs(60);

/// A photo that was opened, and what it cost.
#[derive(Debug)]
pub struct Viewed {
    /// Names the view for [`shown`].
    pub request: RequestId,
    pub photo: Opened,
    pub number: u32,
    pub used: u32,
    pub left: u32,
    /// Whether a view that had been charged before was taken up again.
    pub resumed: bool,
}

/// The view of this grant that was begun and not shown, if there is one.
///
/// # Errors
/// When the vault cannot be read.
pub fn pending(vault: &Vault, grant: &GrantHeld) -> Result<Option<PendingView>, Failure> {
    Ok(vault.get::<PendingView>(&grant.grant.to_string())?)
}

/// Charges one view, or takes up the one that was begun, and opens the photo. Call [`shown`] once
/// the person has it.
///
/// # Errors
/// Exit 4 when the rights are revoked or have expired, 5 when no view is left, 7 without a quorum.
pub async fn open(
    vault: &Vault,
    api: &ClusterApi,
    me: &Identity,
    prepared: &Prepared,
) -> Result<Viewed, Failure> {
    let grant = &prepared.grant;
    let (view, resumed) = begin(vault, me, grant)?;
    let debited = match api.debit(&view.grant, view.signed.clone()).await {
        Ok(debited) => debited,
        Err(error) => return Err(not_charged(vault, &view, error)),
    };
    keep_count(vault, grant, debited.used)?;
    let (debited, share) = match cluster_share(api, grant, &view, debited.clone()).await {
        Err(failure) => match confirm(api, &view, &debited).await {
            Some(other) => cluster_share(api, grant, &view, other).await,
            None => Err(failure),
        },
        done => done,
    }
    .map_err(|failure| not_released(vault, &view, debited.number, failure))?;
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
        photo,
        number: debited.number,
        used: debited.used,
        left: debited.left,
        resumed,
    })
}

/// The person has the photo of this view: the next one is new. A view that another run of the
/// program has begun since then stays.
///
/// # Errors
/// When the vault cannot be written.
pub fn shown(vault: &Vault, grant: &GrantHeld, request: &RequestId) -> Result<(), Failure> {
    forget(vault, grant.grant.to_string(), request)?;
    Ok(())
}

fn forget(vault: &Vault, id: String, request: &RequestId) -> Result<(), VaultError> {
    vault.update::<PendingView, VaultError>(&id, |found| {
        Ok(found.filter(|view| view.request != *request))
    })?;
    Ok(())
}

/// On disk before anything is asked; true when it was there before.
///
/// Two that view one grant at once take up the same view: it is charged once, and both show it.
fn begin(vault: &Vault, me: &Identity, grant: &GrantHeld) -> Result<(PendingView, bool), Failure> {
    let fresh = fresh(me, grant);
    let mut resumed = false;
    let kept = vault.update::<PendingView, VaultError>(&grant.grant.to_string(), |found| {
        resumed = found.is_some();
        Ok(Some(found.unwrap_or_else(|| fresh.clone())))
    })?;
    Ok((kept.unwrap_or(fresh), resumed))
}

fn fresh(me: &Identity, grant: &GrantHeld) -> PendingView {
    let one_time = Secret::new(clock::random());
    let request = clock::request_id();
    let device = me.device_key();
    let signed = Signed::new(
        &device,
        ViewRequest {
            device: device.public(),
            cluster: me.cluster,
            grant: grant.grant,
            request,
            one_time: SealingSecret::from_bytes(*one_time.expose()).public(),
        },
    );
    PendingView {
        grant: grant.grant,
        request,
        signed,
        one_time,
        begun: clock::now(),
    }
}

/// Whether the nodes would not release it any more, had it been charged when it was begun. One
/// from the future was begun under a wrong clock, and must not stay for ever.
fn has_lapsed(view: &PendingView) -> bool {
    clock::now().abs_diff(view.begun) >= RESUME + LAPSE_MARGIN
}

/// A single node says so, and it may have charged the view all the same: with the one-time secret
/// the charge would be lost. A no therefore ends a view only when its time is over anyway.
fn not_charged(vault: &Vault, view: &PendingView, error: ClusterError) -> Failure {
    let definite = error.code().is_some_and(is_definite);
    if definite
        && has_lapsed(view)
        && let Err(error) = forget(vault, view.grant.to_string(), &view.request)
    {
        return error.into();
    }
    error.into()
}

/// Whether the ledger has said that this view is not and will not be charged.
fn is_definite(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Revoked
            | ErrorCode::Expired
            | ErrorCode::UsedUp
            | ErrorCode::NotFound
            | ErrorCode::Forbidden
            | ErrorCode::RequestReused
            | ErrorCode::Mismatch
    )
}

/// The cluster's share, by what one node says of the debit.
async fn cluster_share(
    api: &ClusterApi,
    grant: &GrantHeld,
    view: &PendingView,
    debited: Debited,
) -> Result<(Debited, Share), Failure> {
    let deal = checked_deal(grant, &debited.deal)?;
    let secret = SealingSecret::from_bytes(*view.one_time.expose());
    let parts = parts::collect(api, view, debited.index, &deal, &secret).await?;
    Ok((debited, combine(&deal, &parts)?))
}

/// A false index or an old deal makes honest nodes refuse: what another node says of the same
/// debit, if that differs.
async fn confirm(api: &ClusterApi, view: &PendingView, said: &Debited) -> Option<Debited> {
    let asked = api.debit_elsewhere(&view.grant, view.signed.clone()).await;
    asked
        .ok()
        .filter(|other| other.index != said.index || other.deal != said.deal)
}

/// Too many nodes refuse a view that was charged. It is kept for as long as it can be taken up.
fn not_released(vault: &Vault, view: &PendingView, number: u32, failure: Failure) -> Failure {
    if failure.code != "not_debited" {
        return failure;
    }
    if !has_lapsed(view) {
        return Failure::other(
            "not_debited",
            format!(
                "view {number} was charged, but the nodes do not release it ({}): it is kept; run `cameo view` again in a moment, it is not charged twice",
                failure.message
            ),
        );
    }
    if let Err(error) = forget(vault, view.grant.to_string(), &view.request) {
        return error.into();
    }
    Failure::other(
        "view_lapsed",
        format!(
            "view {number} was charged but not shown in time, and cannot be taken up any more; run `cameo view` again to use another one"
        ),
    )
}

fn keep_count(vault: &Vault, grant: &GrantHeld, used: u32) -> Result<(), Failure> {
    change::<GrantHeld>(vault, &grant.grant.to_string(), |kept| {
        kept.used = kept.used.max(used);
    })?;
    Ok(())
}

/// A deal is the owner's word; a node's alone counts for nothing.
fn checked_deal(grant: &GrantHeld, signed: &Signed<Deal>) -> Result<Deal, Failure> {
    let deal = signed.verify()?;
    let manifest = grant.manifest.peek()?;
    let belongs = deal.owner == grant.owner_key
        && deal.viewer == manifest.viewer
        && deal.cluster == manifest.cluster
        && deal.grant == grant.grant;
    if belongs {
        return Ok(deal);
    }
    Err(Failure::other(
        "bad_deal",
        "the cluster answered with a deal of another grant: nothing is lost; run it again, and have the nodes looked at",
    ))
}

#[cfg(test)]
pub(crate) mod tests;
