//! The check that a node makes in its own state before it releases its part for a view (laws L5
//! and L6).

use cameo_common::identity::DeviceCertificate;
use cameo_common::ids::{GrantId, Hash, Millis, RequestId};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, ViewRequest};
use cameo_mutant::{Mutant, is_planted};

use super::log_time;
use crate::command::Refusal;
use crate::limits::RESUME_WINDOW;
use crate::rows::{self, CurrentRights, DealRow, Device, Grant, GrantUsage, ViewRow};
use crate::state_view::StateView;
use crate::{cluster, devices, restore};

/// A debited view whose parts may be released, with the statements that permit it. The node still
/// has to verify their signatures, each against the key that the manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Number of the view within its grant, 1 for the first.
    pub number: u32,
    /// Log index and log time of the debit.
    pub index: u64,
    pub at: Millis,
    pub manifest: Signed<Manifest>,
    pub rights: Signed<Rights>,
    /// The newest deal.
    pub deal: Signed<Deal>,
    pub certificate: Signed<DeviceCertificate>,
}

/// Whether the parts of a view may be released now. `request` is the content of `signed`.
///
/// `now` is the node's clock. Log time stands still while there are no commands, and a grant must
/// expire then too, so the later of the two counts. A view is resumed by log time alone, as floors
/// count it: a node whose clock is ahead says of no debit that it is not there.
///
/// # Errors
/// The reason why no part may be released: no debit of this request, or one that is too old;
/// another cluster or device; rights that are revoked, expired or used up.
pub fn release_check(
    view: &dyn StateView,
    signed: &Signed<ViewRequest>,
    request: &ViewRequest,
    now: Millis,
) -> Result<Release, Refusal> {
    let now = now.max(log_time(view));
    if request.cluster != cluster::id(view)? {
        return Err(Refusal::Mismatch(
            "the request is for another cluster".into(),
        ));
    }
    let grant = rows::get::<Grant>(view, &request.grant).ok_or(Refusal::NoSuchGrant)?;
    restore::check_open(view, &request.grant)?;
    let debited = debited_view(view, signed, request)?;
    let certificate = viewer_device(view, &grant, request, now)?;
    let current = rows::require::<CurrentRights>(view, &request.grant);
    let usage = rows::require::<GrantUsage>(view, &request.grant);
    current
        .rights()
        .check(debited.number, now)
        .map_err(Refusal::from)?;
    Ok(Release {
        number: debited.number,
        index: debited.index,
        at: debited.at,
        manifest: grant.manifest,
        rights: current.0,
        deal: rows::require::<DealRow>(view, &(request.grant, usage.deal)).0,
        certificate,
    })
}

/// Whether a view was debited under this request id, whatever its request says.
#[must_use]
pub fn is_debited(view: &dyn StateView, grant: &GrantId, request: &RequestId) -> bool {
    rows::get::<ViewRow>(view, &(*grant, *request)).is_some()
}

/// The debit of exactly this request, if it may still be resumed.
fn debited_view(
    view: &dyn StateView,
    signed: &Signed<ViewRequest>,
    request: &ViewRequest,
) -> Result<ViewRow, Refusal> {
    let now = log_time(view);
    let key = (request.grant, request.request);
    let debited = rows::get::<ViewRow>(view, &key)
        .or_else(|| not_yet_debited(signed, now))
        .ok_or(Refusal::NotDebited)?;
    if debited.request != *signed {
        return Err(Refusal::RequestReused);
    }
    if now >= debited.at.plus(RESUME_WINDOW) {
        return Err(Refusal::NotDebited);
    }
    Ok(debited)
}

/// A debit that is still to come, where that bug is planted.
fn not_yet_debited(signed: &Signed<ViewRequest>, now: Millis) -> Option<ViewRow> {
    let view = ViewRow {
        number: 1,
        left: 0,
        request: signed.clone(),
        certificate: Hash([0; 32]),
        at: now,
        index: 0,
        deal: 1,
    };
    is_planted(Mutant::DebitAfterRelease).then_some(view)
}

/// The certificate of the device, if it is valid, not revoked, and of the grant's viewer.
fn viewer_device(
    view: &dyn StateView,
    grant: &Grant,
    request: &ViewRequest,
    now: Millis,
) -> Result<Signed<DeviceCertificate>, Refusal> {
    let device = rows::get::<Device>(view, &request.device).ok_or(Refusal::UnknownDevice)?;
    if device.user != grant.viewer.name {
        return Err(Refusal::Forbidden("viewer of the photo".into()));
    }
    devices::check_not_revoked(view, &request.device)?;
    if now >= device.certificate().not_after {
        return Err(Refusal::CertificateExpired);
    }
    Ok(device.certificate)
}
