//! Compaction of ended grants: their rows leave the state, a few with each entry.
//!
//! A grant has ended while it is revoked, expired or used up. It is looked at each
//! [`GRANT_RETENTION`] of log time; when it has ended and nothing about it has changed from one
//! look to the next, it goes. So it is kept for one to two of these times after its end.
//!
//! The grant goes first, with everything that leads to it, in one entry; its views and then its
//! deals, from which nothing is answered then, go with the next entries. Nothing compacted comes
//! back, under its id or another: both take the viewer's request, which is too old by then
//! ([`check_request_age`]). Floors of the nodes outlive the rows.

use cameo_common::ids::{GrantId, Millis};
use cameo_common::statements::PhotoRequest;

use super::command::Refusal;
use super::draft::Draft;
use super::limits::{CLEARED_PER_ENTRY, GRANT_RETENTION, REQUEST_LIFETIME};
use super::rows::{
    Certificate, CertificateOf, CurrentRights, DealRow, Grant, GrantCount, GrantDue, GrantOf,
    GrantUsage, LiveGrant, NextDue, ReceiptRow, RequestUsed, TakenOver, ViewNumber, ViewRow,
};
use super::{holders, mailbox};

/// Refuses a request from so long ago, or dated so far ahead, that the grant that it was used for
/// may be compacted. See the assertion in `limits`.
pub fn check_request_age(draft: &Draft<'_>, request: &PhotoRequest) -> Result<(), Refusal> {
    let (now, asked) = (draft.time(), request.asked_at);
    if now >= asked.plus(REQUEST_LIFETIME) || asked >= now.plus(REQUEST_LIFETIME) {
        Err(Refusal::RequestTooOld)
    } else {
        Ok(())
    }
}

/// Plans the first look at a new grant.
pub fn plan(draft: &mut Draft<'_>, id: GrantId) {
    let at = draft.time().plus(GRANT_RETENTION);
    draft.put(&(at, id), &GrantDue::Live);
}

/// Looks at the grant that is due first, if one is due: one grant, and a bounded number of rows.
pub fn step(draft: &mut Draft<'_>) {
    let now = draft.time();
    if draft.get::<NextDue>(&()).is_some_and(|next| now < next.0) {
        return;
    }
    let first = draft.scan::<GrantDue>(&(), 1).pop();
    // A grant that is made later is not due before that.
    let next = first.map_or(now.plus(GRANT_RETENTION), |((at, _), _)| at);
    let Some(((at, id), due)) = first.filter(|_| next <= now) else {
        draft.put(&(), &NextDue(next));
        return;
    };
    match due {
        GrantDue::Cleared { from } => clear(draft, at, id, from),
        GrantDue::Ended(sign) if ended(draft, &id) == Some(sign) => {
            remove(draft, &id);
            draft.put(&(at, id), &GrantDue::Cleared { from: 0 });
        }
        GrantDue::Live | GrantDue::Ended(_) => {
            let next = draft.time().plus(GRANT_RETENTION);
            let found = ended(draft, &id).map_or(GrantDue::Live, GrantDue::Ended);
            draft.delete::<GrantDue>(&(at, id));
            draft.put(&(next, id), &found);
        }
    }
}

/// Version of the rights and views used of a grant that has ended: they show whether anything about
/// it has changed.
fn ended(draft: &Draft<'_>, id: &GrantId) -> Option<(u64, u32)> {
    let rights = draft.require::<CurrentRights>(id).rights();
    let used = draft.require::<GrantUsage>(id).used;
    let next = used.saturating_add(1);
    let ended = rights.check(next, draft.time()).is_err();
    ended.then_some((rights.version, used))
}

/// Removes a grant, and all that leads to it. Its deals and views stay for [`clear`].
fn remove(draft: &mut Draft<'_>, id: &GrantId) {
    let grant = draft.require::<Grant>(id);
    let (owner, viewer) = (grant.owner.name, grant.viewer.name);
    mailbox::remove(draft, &viewer, *id);
    let rights = draft.require::<CurrentRights>(id).rights();
    let dealt_to = draft.require::<GrantUsage>(id).dealt_to;
    holders::remove(draft, *id, &rights, dealt_to);
    let live = (owner.clone(), viewer.clone(), grant.image);
    if draft.get::<LiveGrant>(&live) == Some(LiveGrant(*id)) {
        draft.delete::<LiveGrant>(&live);
    }
    for party in [owner, viewer] {
        let GrantCount(count) = draft.get(&party).unwrap_or_default();
        draft.put(&party, &GrantCount(count.saturating_sub(1)));
        draft.delete::<GrantOf>(&(party, *id));
    }
    draft.delete::<RequestUsed>(&grant.request.hash());
    draft.delete::<ReceiptRow>(id);
    draft.delete::<CurrentRights>(id);
    draft.delete::<GrantUsage>(id);
    if draft.get::<TakenOver>(id).is_some() {
        draft.delete::<TakenOver>(id);
    }
    draft.delete::<Grant>(id);
}

/// Removes some deals and views of a grant that is gone, each view with its device's certificate if
/// no other grant has a view that needs it.
fn clear(draft: &mut Draft<'_>, at: Millis, id: GrantId, from: u32) {
    let views = draft.scan_from::<ViewNumber>(&id, &(id, from), CLEARED_PER_ENTRY);
    for (key, ViewNumber(request)) in &views {
        let view = draft.require::<ViewRow>(&(id, *request));
        draft.delete::<ViewRow>(&(id, *request));
        draft.delete::<ViewNumber>(key);
        draft.delete::<CertificateOf>(&(view.certificate, id));
        if draft.scan::<CertificateOf>(&view.certificate, 1).is_empty() {
            draft.delete::<Certificate>(&view.certificate);
        }
    }
    let deals = draft.scan::<DealRow>(&id, CLEARED_PER_ENTRY - views.len());
    for (key, _) in &deals {
        draft.delete::<DealRow>(key);
    }
    if deals.len() + views.len() < CLEARED_PER_ENTRY {
        draft.delete::<GrantDue>(&(at, id));
    } else if let Some(((_, last), _)) = views.last() {
        draft.put(&(at, id), &GrantDue::Cleared { from: *last });
    }
}
