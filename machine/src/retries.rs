//! Retry table: the stored replies of commands of devices and of the operator, so that a retried
//! command is carried out once (laws L3 and D1 depend on it).
//!
//! A reply is kept by request id for [`RETRY_RETENTION`] of log time. A command's not-after is
//! sooner, and after it the command is never carried out, so the reply can be evicted then.
//!
//! Refusals are not stored: until its not-after, a delayed copy of a refused command is decided
//! again. A client that tries again after a refusal uses a new request id.

use std::time::Duration;

use cameo_common::ids::{Hash, Millis};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::{RESUME_WINDOW, RETRIES_EVICTED_PER_ENTRY, RETRY_RETENTION};
use super::origin::Origin;
use super::rows::{RetriesFrom, Retry, RetryAt, Row};

/// A command's key in the retry table, and the hash of its operation.
///
/// `None` for commands of nodes and of tokens, which are idempotent, and for debits, which the view
/// rows record.
fn key_and_content(origin: &Origin) -> Option<(<Retry as Row>::Key, Hash)> {
    match origin {
        Origin::Node(_) | Origin::Viewer(_) | Origin::TokenHolder => None,
        Origin::Operator(order) => Some(((order.operator, order.request), order.op)),
        Origin::Device(call) => Some(((call.device, call.request), call.op)),
    }
}

/// The reply to a command that was carried out before; a refusal when another command has its id.
pub fn stored_reply(draft: &Draft<'_>, origin: &Origin) -> Result<Option<Done>, Refusal> {
    let Some((key, content)) = key_and_content(origin) else {
        return Ok(None);
    };
    match draft.get::<Retry>(&key) {
        None => Ok(None),
        Some(retry) if retry.content == content => Ok(Some(retry.done)),
        Some(_) => Err(Refusal::RequestReused),
    }
}

/// Checks a command's not-after against log time.
pub fn check_time(draft: &Draft<'_>, origin: &Origin) -> Result<(), Refusal> {
    let Some(not_after) = origin.not_after() else {
        return Ok(());
    };
    if draft.time() > not_after {
        Err(Refusal::TooLate)
    } else if not_after > draft.time().plus(kept_for(origin)) {
        // A repeat could arrive after its reply has been evicted.
        Err(Refusal::TooFarAhead)
    } else {
        Ok(())
    }
}

/// For how long the reply to a command is found at least. A debit's is in its view's row.
fn kept_for(origin: &Origin) -> Duration {
    match origin {
        Origin::Viewer(_) => RESUME_WINDOW,
        _ => RETRY_RETENTION,
    }
}

/// Stores a command's reply.
pub fn store(draft: &mut Draft<'_>, origin: &Origin, done: &Done) {
    if let Some(((device, request), content)) = key_and_content(origin) {
        let (at, done) = (draft.time(), done.clone());
        draft.put(&(device, request), &Retry { content, done });
        draft.put(&(at, device, request), &RetryAt);
    }
}

/// Evicts the oldest replies that are past their retention, at most
/// [`RETRIES_EVICTED_PER_ENTRY`].
pub fn evict_old(draft: &mut Draft<'_>) {
    let now = draft.time();
    let from = draft.get::<RetriesFrom>(&());
    let from = from.map_or(Millis::EPOCH, |from| from.0);
    let oldest = draft.scan_from::<RetryAt>(&(), &from, RETRIES_EVICTED_PER_ENTRY);
    let mut evicted = from;
    for ((at, device, request), RetryAt) in oldest {
        if at.plus(RETRY_RETENTION) >= now {
            break;
        }
        draft.delete::<RetryAt>(&(at, device, request));
        draft.delete::<Retry>(&(device, request));
        evicted = at;
    }
    if evicted > from {
        draft.put(&(), &RetriesFrom(evicted));
    }
}
