//! Charging of views: a view is stored before it is charged, and its request repeated until the
//! photo has been shown.

use std::time::Duration;

use cameo_common::api::{Debited, ErrorCode, RESUME_WINDOW, VIEW_REQUEST_LIFETIME};
use cameo_common::ids::{Millis, RequestId};
use cameo_common::keys::SealingSecret;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;

use super::error::OpenError;
use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::directory;
use crate::flows::used_views::store_used_of_debit;
use crate::vault::records::{GrantHeld, Identity, PendingView, Secret};
use crate::vault::{Vault, VaultError};

/// A pending view is kept for this long after its time, because the local clock is not the
/// ledger's.
pub(super) const LAPSE_MARGIN: Duration = Duration::from_secs(60);

/// Finds the pending view of this grant.
///
/// # Errors
/// When the vault cannot be read.
pub fn find_pending(vault: &Vault, grant: &GrantHeld) -> Result<Option<PendingView>, VaultError> {
    vault.get::<PendingView>(&grant.grant.to_string())
}

/// Removes a view once the user has the photo. A view that another process has created since then
/// stays.
///
/// # Errors
/// When the vault cannot be written.
pub fn finish(vault: &Vault, grant: &GrantHeld, request: &RequestId) -> Result<(), VaultError> {
    remove(vault, grant.grant.to_string(), request)
}

fn remove(vault: &Vault, id: String, request: &RequestId) -> Result<(), VaultError> {
    vault.update::<PendingView, VaultError>(&id, |found| {
        Ok(found.filter(|view| view.request != *request))
    })?;
    Ok(())
}

/// Stores a view before it is charged, or returns the pending one with `true`. Two calls at the
/// same time get the same view, which is charged once. That not both show it is up to the caller:
/// `cameo view` holds [`WorkLock::viewing`](crate::vault::WorkLock::viewing) from before this call
/// until the view has been shown.
pub(super) fn create_or_resume(
    vault: &Vault,
    me: &Identity,
    grant: &GrantHeld,
    cluster_now: Millis,
) -> Result<(PendingView, bool), VaultError> {
    let created = create(me, grant, cluster_now);
    let mut resumed = false;
    let kept = vault.update::<PendingView, VaultError>(&grant.grant.to_string(), |found| {
        resumed = found.is_some();
        Ok(Some(found.unwrap_or_else(|| created.clone())))
    })?;
    Ok((kept.unwrap_or(created), resumed))
}

fn create(me: &Identity, grant: &GrantHeld, cluster_now: Millis) -> PendingView {
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
            not_after: cluster_now.plus(VIEW_REQUEST_LIFETIME),
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

/// Charges the view. Repeated calls charge it once.
pub(super) async fn debit(
    vault: &Vault,
    api: &ClusterApi,
    me: &Identity,
    grant: &GrantHeld,
    view: &PendingView,
) -> Result<Debited, OpenError> {
    let debited = match api.debit(&view.grant, view.signed.clone()).await {
        Ok(debited) => debited,
        Err(error) => {
            let error = directory::believed(api, &[&me.name, &grant.owner], error).await;
            return Err(debit_error(vault, view, error));
        }
    };
    let number = debited.number;
    store_used_of_debit(vault, &grant.grant, debited.used)
        .map_err(|error| OpenError::Unstored { number, error })?;
    Ok(debited)
}

/// Another answer to the same debit, if it differs. A false index or an old deal makes honest nodes
/// refuse the release. Where a later deal was made since, the node that has answered knows it now.
pub(super) async fn ask_again(
    api: &ClusterApi,
    view: &PendingView,
    known: &Debited,
    is_outdated: bool,
) -> Option<Debited> {
    let differs = |other: &Debited| other.index != known.index || other.deal != known.deal;
    let asked = api.debit_elsewhere(&view.grant, view.signed.clone()).await;
    match asked.ok().filter(differs) {
        None if is_outdated => {
            let asked = api.debit(&view.grant, view.signed.clone()).await;
            asked.ok().filter(differs)
        }
        other => other,
    }
}

/// Whether the nodes would no longer release the view if it was charged when it was begun. A view
/// from the future was begun under a wrong clock and counts as lapsed, so that it does not stay for
/// ever.
pub fn has_lapsed(view: &PendingView) -> bool {
    clock::now().abs_diff(view.begun) >= RESUME_WINDOW + LAPSE_MARGIN
}

/// The error of a debit. One node's refusal may be false, and the charge would be lost with the
/// one-time secret. A definite refusal therefore ends the pending view only after it has lapsed.
fn debit_error(vault: &Vault, view: &PendingView, error: ClusterError) -> OpenError {
    let definite = error.code().is_some_and(is_definite);
    if definite
        && has_lapsed(view)
        && let Err(error) = remove(vault, view.grant.to_string(), &view.request)
    {
        return error.into();
    }
    error.into()
}

/// Whether the refusal says that the view is not and will not be charged.
fn is_definite(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Revoked
            | ErrorCode::Expired
            | ErrorCode::Retired
            | ErrorCode::UsedUp
            | ErrorCode::NotFound
            | ErrorCode::Forbidden
            | ErrorCode::RequestReused
            | ErrorCode::CallExpired
            | ErrorCode::Mismatch
    )
}

/// The error when too many nodes refuse to release a charged view. It is kept while it can be
/// resumed.
pub(super) fn release_error(
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
    if let Err(error) = remove(vault, view.grant.to_string(), &view.request) {
        return error.into();
    }
    OpenError::Lapsed { number }
}
