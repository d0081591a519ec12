//! Debits: a view is charged first, and the nodes release their parts after (laws L1-L4).
//!
//! A debit is identified by its request id and the exact bytes of its statement, for as long as its
//! grant exists. A repeat gets the same reply, however late and whatever the rights are by then.
//! That is safe, because a node checks the rights again before it releases a part.

use cameo_common::api::Role;
use cameo_common::ids::{GrantId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Denied;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use cameo_mutant::{Mutant, is_planted};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{CurrentRights, DealRow, Grant, GrantUsage, NoticeKind, ViewNumber, ViewRow};
use super::{cluster, live_grants, notices};

/// The reply to a debit that was carried out before.
pub fn stored_reply(
    draft: &Draft<'_>,
    caller: &PublicKey,
    signed: &Signed<ViewRequest>,
) -> Option<Done> {
    let request = signed.unverified().ok()?;
    let view = draft.get::<ViewRow>(&(request.grant, request.request))?;
    let same = view.request == signed.hash() && request.device == *caller;
    same.then(|| debit_reply(draft, request.grant, request.request, view))
}

/// Charges one view.
pub fn debit(
    draft: &mut Draft<'_>,
    principal: &Principal,
    signed: &Signed<ViewRequest>,
) -> Result<Done, Refusal> {
    let request = signed.unverified().map_err(|_| Refusal::Malformed)?;
    let id = request.grant;
    let grant = check_request(draft, principal, &request)?;
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
        request: signed.hash(),
        device: request.device,
        at: draft.time(),
        index: draft.index(),
        deal: usage.deal,
    };
    draft.put(&id, &usage);
    draft.put(&(id, request.request), &view);
    draft.put(&(id, number), &ViewNumber(request.request));
    notices::append(
        draft,
        &grant.owner.name,
        NoticeKind::Viewed { grant: id, number },
    );
    Ok(debit_reply(draft, id, request.request, view))
}

/// Checks that this device may debit this view, and returns the grant.
fn check_request(
    draft: &Draft<'_>,
    principal: &Principal,
    request: &ViewRequest,
) -> Result<Grant, Refusal> {
    if request.device != principal.device {
        return Err(Refusal::Forbidden("device that signed the request".into()));
    }
    if request.cluster != cluster::id(draft)? {
        return Err(Refusal::Mismatch(
            "the request is for another cluster".into(),
        ));
    }
    let (grant, role) = live_grants::of_party(draft, &request.grant, principal)?;
    if role != Role::Viewer {
        return Err(Refusal::Forbidden("viewer of the photo".into()));
    }
    // With the same bytes the stored reply would have been returned.
    let known = draft.get::<ViewRow>(&(request.grant, request.request));
    if known.is_some() && !is_planted(Mutant::ApplyTwiceOnRetry) {
        return Err(Refusal::RequestReused);
    }
    Ok(grant)
}

/// The reply to a debit, the same at any time: the rows that it is made from do not change.
fn debit_reply(draft: &Draft<'_>, grant: GrantId, request: RequestId, view: ViewRow) -> Done {
    let DealRow(deal) = draft.require(&(grant, view.deal));
    Done::Debited {
        grant,
        request,
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
