//! Receipts: a viewer's statements that a carrier arrived, and the first rights with it.

use cameo_common::signed::Signed;
use cameo_common::statements::Receipt;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{NoticeKind, ReceiptRow, content};
use super::{live_grants, notices, rights};

/// Stores a receipt, submitted by the viewer or by the owner. A carrier that is sent again gets
/// another receipt; the newest is kept.
pub fn put(
    draft: &mut Draft<'_>,
    principal: &Principal,
    receipt: &Signed<Receipt>,
) -> Result<Done, Refusal> {
    let arrived = draft.verify(receipt)?;
    let id = arrived.grant;
    let (grant, _) = live_grants::of_party(draft, &id, principal)?;
    if arrived.viewer != grant.viewer.key {
        return Err(Refusal::Forbidden("viewer of the photo".into()));
    }
    match draft.get::<ReceiptRow>(&id) {
        Some(ReceiptRow(known)) if known == *receipt => return Ok(Done::Nothing),
        Some(ReceiptRow(known)) if arrived.received_at <= content(&known).received_at => {
            return Err(Refusal::Stale);
        }
        _ => {}
    }
    draft.put(&id, &ReceiptRow(receipt.clone()));
    rights::confirm(draft, &grant, id, rights::FIRST);
    notices::append(draft, &grant.owner.name, NoticeKind::Received { grant: id });
    Ok(Done::Nothing)
}
