//! Verification of what the applied state shows of a grant: each statement, against the key that
//! the grant's id binds.

use cameo_common::ids::{ClusterId, GrantId, Hash, Millis, UserName};
use cameo_common::rights::Rights;
use cameo_common::signed::{Signed, Verifier};
use cameo_common::statements::{Deal, Manifest, ViewRequest};
use cameo_machine::read::{self, Release};
use cameo_machine::{Refusal, StateView};

use super::error::ReleaseError;
use crate::floor::Shown;

/// A view that may be released by the state.
pub(super) struct VerifiedView {
    /// The deal of which a part is released.
    pub deal: Deal,
    pub shown: Shown,
    /// Log time of the debit.
    pub at: Millis,
}

/// A view that may be released: its debit is in the state, and certificate, manifest, rights and
/// deal are signed by the right parties and match the request.
pub(super) fn verified_view(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    signed: &Signed<ViewRequest>,
    request: &ViewRequest,
    now: Millis,
) -> Result<VerifiedView, ReleaseError> {
    let release: Release = read::release_check(view, signed, request, now)?;
    let certificate = release.certificate.verify_by(verifier)?;
    let (grant, cluster) = (&request.grant, &request.cluster);
    let manifest = verified_manifest(verifier, view, &release.manifest, grant, cluster)?;
    let rights = verified_rights(verifier, &release.rights, &manifest)?;
    let deal = verified_deal(verifier, &release.deal, &manifest, cluster)?;
    sound(
        certificate.device == request.device && certificate.user == manifest.viewer,
        "device and viewer",
    )?;
    // Checked again, on the bodies verified above: `release_check` read its rows without a check of
    // signatures. By the later of this node's clock and log time, so that neither alone extends a
    // view.
    let now = now.max(read::log_time(view));
    if now >= certificate.not_after {
        return Err(Refusal::CertificateExpired.into());
    }
    rights.check(release.number, now).map_err(Refusal::from)?;
    Ok(VerifiedView {
        shown: shown(&request.grant, &rights, release.rights.hash(), &deal),
        deal,
        at: release.at,
    })
}

/// What the state shows of a grant now, whether or not a view may be released, with the name of its
/// owner.
pub(super) fn verified_grant(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    grant: &GrantId,
    cluster: &ClusterId,
) -> Result<(UserName, Shown), ReleaseError> {
    let statements = read::grant_statements(view, grant).ok_or(Refusal::NoSuchGrant)?;
    if read::is_closed(view, grant) {
        // Its newest deal is to the nodes of an earlier cluster: nothing of it can be released.
        return Err(Refusal::ClosedByRestore.into());
    }
    let manifest = verified_manifest(verifier, view, &statements.manifest, grant, cluster)?;
    let rights = verified_rights(verifier, &statements.rights, &manifest)?;
    let deal = verified_deal(verifier, &statements.deal, &manifest, cluster)?;
    let shown = shown(grant, &rights, statements.rights.hash(), &deal);
    Ok((manifest.owner_name, shown))
}

fn shown(grant: &GrantId, rights: &Rights, hash: Hash, deal: &Deal) -> Shown {
    Shown {
        grant: *grant,
        version: rights.version,
        rights: hash,
        permitted: rights.permitted,
        first: deal.first_floor,
    }
}

/// The manifest of a grant that was taken over names an earlier cluster; its deal names this one.
fn verified_manifest(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    manifest: &Signed<Manifest>,
    grant: &GrantId,
    cluster: &ClusterId,
) -> Result<Manifest, ReleaseError> {
    let manifest = manifest.verify_by(verifier)?;
    sound(manifest.grant_id() == *grant, "manifest and grant")?;
    sound(
        manifest.cluster == *cluster || read::is_taken_over_grant(view, grant),
        "manifest and cluster",
    )?;
    Ok(manifest)
}

fn verified_rights(
    verifier: &dyn Verifier,
    rights: &Signed<Rights>,
    manifest: &Manifest,
) -> Result<Rights, ReleaseError> {
    let rights = rights.verify_by(verifier)?;
    let matches = rights.owner == manifest.owner && rights.grant == manifest.grant_id();
    sound(matches, "rights and manifest")?;
    Ok(rights)
}

fn verified_deal(
    verifier: &dyn Verifier,
    deal: &Signed<Deal>,
    manifest: &Manifest,
    cluster: &ClusterId,
) -> Result<Deal, ReleaseError> {
    let deal = deal.verify_by(verifier)?;
    sound(
        deal.owner == manifest.owner
            && deal.viewer == manifest.viewer
            && deal.grant == manifest.grant_id()
            && deal.cluster == *cluster,
        "deal and manifest",
    )?;
    Ok(deal)
}

fn sound(holds: bool, what: &'static str) -> Result<(), ReleaseError> {
    if holds {
        Ok(())
    } else {
        Err(ReleaseError::Unsound(what))
    }
}
