//! Charging one view: kept before it is asked for, and the same request until the photo has been shown.

use std::time::Duration;

use cameo_common::api::{Debited, ErrorCode, RESUME};
use cameo_common::ids::RequestId;
use cameo_common::keys::SealingSecret;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;

use super::error::OpenError;
use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::vault::records::{GrantHeld, Identity, PendingView, Secret, change};
use crate::vault::{Vault, VaultError};

/// A begun view is kept for so long after its time: this machine's clock is not the ledger's.
pub(super) const LAPSE_MARGIN: Duration = Duration::from_secs(60);

/// The view of this grant that was begun and not shown, if there is one.
///
/// # Errors
/// When the vault cannot be read.
pub fn pending(vault: &Vault, grant: &GrantHeld) -> Result<Option<PendingView>, VaultError> {
    vault.get::<PendingView>(&grant.grant.to_string())
}

/// The person has the photo of this view: the next one is new. A view that another run of the
/// program has begun since then stays.
///
/// # Errors
/// When the vault cannot be written.
pub fn shown(vault: &Vault, grant: &GrantHeld, request: &RequestId) -> Result<(), VaultError> {
    forget(vault, grant.grant.to_string(), request)
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
pub(super) fn begin(
    vault: &Vault,
    me: &Identity,
    grant: &GrantHeld,
) -> Result<(PendingView, bool), VaultError> {
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

/// Has the ledger charge the view, once however often it is asked.
pub(super) async fn debit(
    vault: &Vault,
    api: &ClusterApi,
    grant: &GrantHeld,
    view: &PendingView,
) -> Result<Debited, OpenError> {
    let debited = match api.debit(&view.grant, view.signed.clone()).await {
        Ok(debited) => debited,
        Err(error) => return Err(not_charged(vault, view, error)),
    };
    change::<GrantHeld>(vault, &grant.grant.to_string(), |kept| {
        kept.used = kept.used.max(debited.used);
    })?;
    Ok(debited)
}

/// A false index or an old deal makes honest nodes refuse: what another node says of the same
/// debit, if that differs.
pub(super) async fn confirm(
    api: &ClusterApi,
    view: &PendingView,
    said: &Debited,
) -> Option<Debited> {
    let asked = api.debit_elsewhere(&view.grant, view.signed.clone()).await;
    asked
        .ok()
        .filter(|other| other.index != said.index || other.deal != said.deal)
}

/// Whether the nodes would not release it any more, had it been charged when it was begun. One
/// from the future was begun under a wrong clock, and must not stay for ever.
fn has_lapsed(view: &PendingView) -> bool {
    clock::now().abs_diff(view.begun) >= RESUME + LAPSE_MARGIN
}

/// A single node says so, and it may have charged the view all the same: with the one-time secret
/// the charge would be lost. A no therefore ends a view only when its time is over anyway.
fn not_charged(vault: &Vault, view: &PendingView, error: ClusterError) -> OpenError {
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

/// Too many nodes refuse a view that was charged. It is kept for as long as it can be taken up.
pub(super) fn not_released(
    vault: &Vault,
    view: &PendingView,
    number: u32,
    error: OpenError,
) -> OpenError {
    let OpenError::Cluster(refusal) = &error else {
        return error;
    };
    if refusal.code() != Some(ErrorCode::NotDebited) {
        return error;
    }
    if !has_lapsed(view) {
        let why = error.to_string();
        return OpenError::NotReleased { number, why };
    }
    if let Err(error) = forget(vault, view.grant.to_string(), &view.request) {
        return error.into();
    }
    OpenError::Lapsed { number }
}
