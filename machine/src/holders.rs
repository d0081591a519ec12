//! Which live grants have their newest deal to which descriptor, and what a change of the nodes
//! would cost them.
//!
//! A grant is counted from its creation until it is revoked, expires or is compacted. Expiry comes
//! without an entry, so expired ones leave the counts with the entries after it, a few each; what
//! is asked of the counts does not depend on that.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{GrantId, Millis};
use cameo_common::rights::Rights;

use super::command::Refusal;
use super::draft::Draft;
use super::limits::{COUNTED_PER_DESCRIPTOR, EXPIRED_PER_ENTRY, NAMED_GRANTS};
use super::live_grants::is_live;
use super::restore::is_closed;
use super::rows::{DealtCount, DealtTo, DescriptorRow, NextExpiry};

const NEVER: Millis = Millis(u64::MAX);

/// Counts a grant with these rights among those that are dealt to a descriptor, if it is live. One
/// that a restore has closed is dealt to none of this cluster's.
pub fn add(draft: &mut Draft<'_>, id: GrantId, rights: &Rights, dealt_to: u64) {
    if is_live(rights, draft.time()) && !is_closed(draft, &id) {
        let end = end(rights);
        draft.put(&(dealt_to, end, id), &DealtTo);
        if end < draft.get(&()).map_or(NEVER, |next: NextExpiry| next.0) {
            draft.put(&(), &NextExpiry(end));
        }
        let DealtCount(before) = draft.get(&dealt_to).unwrap_or_default();
        draft.put(&dealt_to, &DealtCount(before.saturating_add(1)));
    }
}

/// Takes a grant out of the count, if it is in it. `rights` are those that it was counted with.
pub fn remove(draft: &mut Draft<'_>, id: GrantId, rights: &Rights, dealt_to: u64) {
    remove_row(draft, &(dealt_to, end(rights), id));
}

fn remove_row(draft: &mut Draft<'_>, key: &(u64, Millis, GrantId)) {
    if draft.get::<DealtTo>(key).is_none() {
        return;
    }
    draft.delete::<DealtTo>(key);
    match draft.get::<DealtCount>(&key.0) {
        Some(DealtCount(count)) if count > 1 => draft.put(&key.0, &DealtCount(count - 1)),
        _ => draft.delete::<DealtCount>(&key.0),
    }
}

fn end(rights: &Rights) -> Millis {
    rights.expires.unwrap_or(NEVER)
}

/// Takes some grants that have expired out of the counts, if one has.
pub fn step(draft: &mut Draft<'_>) {
    let now = draft.time();
    let Some(NextExpiry(from)) = draft.get(&()).filter(|next: &NextExpiry| next.0 <= now) else {
        return;
    };
    let (mut next, mut room) = (NEVER, EXPIRED_PER_ENTRY);
    for (number, _) in draft.scan::<DealtCount>(&(), usize::MAX) {
        for (key, _) in draft.scan_from::<DealtTo>(&number, &(number, from), room + 1) {
            if room == 0 || key.1 > now {
                next = next.min(key.1);
                break;
            }
            remove_row(draft, &key);
            room -= 1;
        }
    }
    draft.put(&(), &NextExpiry(next));
}

/// Refuses a change of nodes that takes holders away from live grants and leaves fewer than the t
/// that open them.
pub fn check_change(
    draft: &Draft<'_>,
    current: &Descriptor,
    next: &Descriptor,
) -> Result<(), Refusal> {
    let (mut grants, mut named) = (0_u64, Vec::new());
    for (number, DealtCount(count)) in draft.scan::<DealtCount>(&(), usize::MAX) {
        let DescriptorRow(dealt_to) = draft.require(&number);
        let left = next.common_nodes(&dealt_to);
        let takes_away = left < current.common_nodes(&dealt_to);
        if takes_away && left < dealt_to.threshold() {
            let some = some_live(draft, number);
            if !some.is_empty() {
                let expired = expired(draft, number);
                grants = grants.saturating_add(count.saturating_sub(expired));
            }
            named.extend(some);
        }
    }
    if named.is_empty() {
        return Ok(());
    }
    named.truncate(NAMED_GRANTS);
    Err(Refusal::TooFewHolders { grants, named })
}

/// Some of the live grants of a descriptor; those that expire first.
fn some_live(draft: &Draft<'_>, number: u64) -> Vec<GrantId> {
    let from = (number, draft.time().plus_millis(1));
    let live = draft.scan_from::<DealtTo>(&number, &from, NAMED_GRANTS);
    live.into_iter().map(|((_, _, id), _)| id).collect()
}

/// How many grants of a descriptor are counted although they have expired; of very many not all.
fn expired(draft: &Draft<'_>, number: u64) -> u64 {
    let now = draft.time();
    let first = draft.scan::<DealtTo>(&number, COUNTED_PER_DESCRIPTOR);
    let expired = first.into_iter().take_while(|((_, end, _), _)| *end <= now);
    expired.count() as u64
}
