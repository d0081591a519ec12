//! A retry never happens twice (laws L3 and D1 rest on it).
//!
//! A device's command is remembered by its request id for [`RETRY_RETENTION`] of log time. It
//! carries a not-after that is shorter: past it the command is never carried out, so forgetting it
//! then is safe.
//!
//! Refusals are not remembered: until its not-after, a copy of a refused command that was held up
//! somewhere is decided anew. A client that is refused and wants it still takes a new id.

use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::keys::PublicKey;

use super::command::{Done, Refusal, Reply};
use super::draft::Draft;
use super::limits::{RETRIES_FORGOTTEN_PER_ENTRY, RETRY_RETENTION};
use super::rows::{Retry, RetryAt};

/// The reply to a command that was carried out before; a refusal, when its id was another's.
pub fn recall(
    draft: &Draft<'_>,
    device: &PublicKey,
    request: &RequestId,
    content: &Hash,
) -> Option<Reply> {
    let retry = draft.get::<Retry>(&(*device, *request))?;
    if retry.content == *content {
        Some(Ok(retry.done))
    } else {
        Some(Err(Refusal::RequestReused))
    }
}

/// Whether a command may be carried out by its time alone.
pub fn admit(draft: &Draft<'_>, not_after: Millis) -> Result<(), Refusal> {
    if draft.time() > not_after {
        Err(Refusal::TooLate)
    } else if not_after > draft.time().saturating_add(RETRY_RETENTION) {
        // It could come again when it is forgotten here.
        Err(Refusal::TooFarAhead)
    } else {
        Ok(())
    }
}

/// Remembers what a command was answered.
pub fn remember(
    draft: &mut Draft<'_>,
    device: PublicKey,
    request: RequestId,
    content: Hash,
    done: &Done,
) {
    let at = draft.time();
    let done = done.clone();
    draft.put(&(device, request), &Retry { content, done });
    draft.put(&(at, device, request), &RetryAt);
}

/// Forgets a few of the oldest that are past their time.
pub fn forget_old(draft: &mut Draft<'_>) {
    let now = draft.time();
    for ((at, device, request), RetryAt) in draft.scan::<RetryAt>(&(), RETRIES_FORGOTTEN_PER_ENTRY)
    {
        if at.saturating_add(RETRY_RETENTION) >= now {
            break;
        }
        draft.delete::<RetryAt>(&(at, device, request));
        draft.delete::<Retry>(&(device, request));
    }
}
