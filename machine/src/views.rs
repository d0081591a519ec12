//! Debits: a view is charged first, and the nodes release their parts after (laws L1-L4).
//!
//! A debit is identified by its request id and the exact bytes of its statement, for as long as its
//! grant exists; both stay in its row, so that the owner can prove who asked for it (law L8). A
//! repeat gets the same figures, however late and whatever the rights are by then, and the newest
//! deal, of which parts are released. That is safe, because a node checks the rights again before
//! it releases a part.

use cameo_common::api::Role;
use cameo_common::ids::Hash;
use cameo_common::rights::Denied;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use cameo_mutant::{Mutant, is_planted};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{
    Certificate, CertificateOf, CurrentRights, DealRow, Device, Grant, GrantUsage, NoticeKind,
    ViewNumber, ViewRow,
};
use super::{live_grants, notices, restore};

/// The reply to a debit that was carried out before.
pub fn stored_reply(
    draft: &Draft<'_>,
    asked: &ViewRequest,
    signed: &Signed<ViewRequest>,
) -> Option<Done> {
    // Of a compacted grant some views may be left, without what a reply is made of.
    draft.get::<Grant>(&asked.grant)?;
    let view = draft.get::<ViewRow>(&(asked.grant, asked.request))?;
    (view.request == *signed).then(|| debit_reply(draft, asked, view))
}

/// Charges one view. `asked` is the verified content of the request.
pub fn debit(
    draft: &mut Draft<'_>,
    viewer: &Principal,
    asked: &ViewRequest,
    signed: &Signed<ViewRequest>,
) -> Result<Done, Refusal> {
    let id = asked.grant;
    let grant = check_request(draft, viewer, asked)?;
    let certificate = keep_certificate(draft, asked);
    let mut usage = draft.require::<GrantUsage>(&id);
    let current = draft.require::<CurrentRights>(&id);
    let rights = current.rights();

    let number = usage.used + 1;
    if !is_planted(Mutant::QuotaCheckedOutside) {
        rights.check(number, draft.time()).map_err(Refusal::from)?;
    }
    usage.used = number;
    let view = ViewRow {
        number,
        left: rights.left(number),
        request: signed.clone(),
        certificate,
        at: draft.time(),
        index: draft.index(),
        deal: usage.deal,
    };
    draft.put(&id, &usage);
    draft.put(&(id, asked.request), &view);
    draft.put(&(id, number), &ViewNumber(asked.request));
    let viewed = NoticeKind::Viewed { grant: id, number };
    notices::append(draft, &grant.owner.name, viewed);
    Ok(debit_reply(draft, asked, view))
}

/// Checks that this device may debit this view, and returns the grant.
fn check_request(
    draft: &Draft<'_>,
    viewer: &Principal,
    asked: &ViewRequest,
) -> Result<Grant, Refusal> {
    let (grant, role) = live_grants::of_party(draft, &asked.grant, viewer)?;
    if role != Role::Viewer {
        return Err(Refusal::Forbidden("viewer of the photo".into()));
    }
    // With the same bytes the stored reply would have been returned.
    let known = draft.get::<ViewRow>(&(asked.grant, asked.request));
    if known.is_some() && !is_planted(Mutant::ApplyTwiceOnRetry) {
        return Err(Refusal::RequestReused);
    }
    restore::check_open(draft, &asked.grant)?;
    Ok(grant)
}

/// Keeps the device's certificate for as long as the view, and returns its hash.
fn keep_certificate(draft: &mut Draft<'_>, asked: &ViewRequest) -> Hash {
    let certificate = draft.require::<Device>(&asked.device).certificate;
    let hash = certificate.hash();
    if draft.get::<CertificateOf>(&(hash, asked.grant)).is_none() {
        draft.put(&(hash, asked.grant), &CertificateOf);
        draft.put(&hash, &Certificate(certificate));
    }
    hash
}

/// The reply to a debit. Its figures are the same at any time, because the view's row does not
/// change; the deal is the newest.
fn debit_reply(draft: &Draft<'_>, asked: &ViewRequest, view: ViewRow) -> Done {
    let newest = draft.require::<GrantUsage>(&asked.grant).deal;
    let DealRow(deal) = draft.require(&(asked.grant, newest));
    Done::Debited {
        grant: asked.grant,
        request: asked.request,
        number: view.number,
        used: view.number,
        left: view.left,
        index: view.index,
        deal,
    }
}

/// The refusal for rights that deny a view.
impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Revoked => Self::Revoked,
            Denied::Expired => Self::Expired,
            Denied::UsedUp => Self::UsedUp,
        }
    }
}
