//! The viewer's word that the carrier arrived. The first rights came with it.

use cameo_common::signed::Signed;
use cameo_common::statements::Receipt;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::rows::{News, ReceiptRow, content};
use super::speaker::Speaker;
use super::{live_grants, notices, rights};

/// Takes a receipt, from the viewer or from the owner who was handed it. A carrier that is sent
/// again gets another receipt; the newest is kept.
pub fn put(
    draft: &mut Draft<'_>,
    speaker: &Speaker,
    receipt: &Signed<Receipt>,
) -> Result<Done, Refusal> {
    let arrived = receipt.peek().map_err(|_| Refusal::Malformed)?;
    let id = arrived.grant;
    let (grant, _) = live_grants::of_party(draft, &id, speaker)?;
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
    notices::tell(draft, &grant.owner.name, News::Received { grant: id });
    Ok(Done::Nothing)
}
