//! Charging a view: first the debit is committed, then the nodes release their parts (laws L1-L4).
//!
//! A debit is known by its request id and its statement's exact bytes, for as long as its grant:
//! asked again it is the same debit, however late and whatever the rights have become. That gives
//! nothing away, because a node that releases a part checks the rights again.

use cameo_common::api::Role;
use cameo_common::ids::{GrantId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Denied;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::rows::{CurrentRights, DealRow, Grant, GrantUsage, News, ViewNumber, ViewRow};
use super::speaker::Speaker;
use super::{cluster, live_grants, notices};

/// The reply to a debit that was carried out before.
pub fn recall(draft: &Draft<'_>, caller: &PublicKey, signed: &Signed<ViewRequest>) -> Option<Done> {
    let request = signed.peek().ok()?;
    let view = draft.get::<ViewRow>(&(request.grant, request.request))?;
    let same = view.request == signed.hash() && request.device == *caller;
    same.then(|| debited(draft, request.grant, request.request, view))
}

/// Charges one view.
pub fn debit(
    draft: &mut Draft<'_>,
    speaker: &Speaker,
    signed: &Signed<ViewRequest>,
) -> Result<Done, Refusal> {
    let request = signed.peek().map_err(|_| Refusal::Malformed)?;
    let id = request.grant;
    let grant = check_request(draft, speaker, &request)?;
    let mut usage = draft.require::<GrantUsage>(&id);
    let current = draft.require::<CurrentRights>(&id);
    let rights = current.rights();

    let number = usage.used + 1;
    rights.check(number, draft.time()).map_err(refusal)?;
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
    notices::tell(draft, &grant.owner.name, News::Viewed { grant: id, number });
    Ok(debited(draft, id, request.request, view))
}

/// Whether this device may ask for this view at all; the grant that it is of.
fn check_request(
    draft: &Draft<'_>,
    speaker: &Speaker,
    request: &ViewRequest,
) -> Result<Grant, Refusal> {
    if request.device != speaker.device {
        return Err(Refusal::Forbidden("device that signed the request".into()));
    }
    if request.cluster != cluster::id(draft)? {
        return Err(Refusal::Mismatch(
            "the request is for another cluster".into(),
        ));
    }
    let (grant, role) = live_grants::of_party(draft, &request.grant, speaker)?;
    if role != Role::Viewer {
        return Err(Refusal::Forbidden("viewer of the photo".into()));
    }
    // The same bytes would have been recalled.
    let known = draft.get::<ViewRow>(&(request.grant, request.request));
    if known.is_some() {
        return Err(Refusal::RequestReused);
    }
    Ok(grant)
}

/// What a debit says, now and ever after: all of it is in rows that do not change any more.
fn debited(draft: &Draft<'_>, grant: GrantId, request: RequestId, view: ViewRow) -> Done {
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

/// The law of rights, in the ledger's words.
pub fn refusal(denied: Denied) -> Refusal {
    match denied {
        Denied::Revoked => Refusal::Revoked,
        Denied::Expired => Refusal::Expired,
        Denied::UsedUp => Refusal::UsedUp,
    }
}
