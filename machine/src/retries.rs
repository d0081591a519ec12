//! A retry never happens twice (laws L3 and D1 rest on it).
//!
//! A device's command is remembered by its request id for [`RETRY_RETENTION`] of log time. It
//! carries a not-after that is shorter: past it the command is never carried out, so forgetting it
//! then is safe.
//!
//! Refusals are not remembered: until its not-after, a copy of a refused command that was held up
//! somewhere is decided anew. A client that is refused and wants it still takes a new id.

use cameo_common::ids::Hash;

use super::command::{Caller, Command, Done, Op, Refusal, Reply};
use super::draft::Draft;
use super::limits::{RETRIES_FORGOTTEN_PER_ENTRY, RETRY_RETENTION};
use super::rows::{Retry, RetryAt, Row};

/// Where a command is remembered, and the hash that tells it from another with the same id.
///
/// Nodes' commands are not: they do no harm twice. Debits neither: their grant remembers them.
fn place(command: &Command) -> Option<(<Retry as Row>::Key, Hash)> {
    match (&command.caller, &command.op) {
        (Caller::Node(_), _) | (_, Op::Debit { .. }) => None,
        (
            Caller::Device {
                device,
                request,
                content,
                ..
            },
            _,
        ) => Some(((*device, *request), *content)),
    }
}

/// The reply to a command that was carried out before; a refusal, when its id was another's.
pub fn recall(draft: &Draft<'_>, command: &Command) -> Option<Reply> {
    let (place, content) = place(command)?;
    let retry = draft.get::<Retry>(&place)?;
    if retry.content == content {
        Some(Ok(retry.done))
    } else {
        Some(Err(Refusal::RequestReused))
    }
}

/// Whether a command may be carried out by its time alone.
pub fn admit(draft: &Draft<'_>, caller: &Caller) -> Result<(), Refusal> {
    let Caller::Device { not_after, .. } = caller else {
        return Ok(());
    };
    if draft.time() > *not_after {
        Err(Refusal::TooLate)
    } else if *not_after > draft.time().plus(RETRY_RETENTION) {
        // It could come again when it is forgotten here.
        Err(Refusal::TooFarAhead)
    } else {
        Ok(())
    }
}

/// Remembers what a command was answered.
pub fn remember(draft: &mut Draft<'_>, command: &Command, done: &Done) {
    if let Some(((device, request), content)) = place(command) {
        let (at, done) = (draft.time(), done.clone());
        draft.put(&(device, request), &Retry { content, done });
        draft.put(&(at, device, request), &RetryAt);
    }
}

/// Forgets a few of the oldest that are past their time.
pub fn forget_old(draft: &mut Draft<'_>) {
    let now = draft.time();
    for ((at, device, request), RetryAt) in draft.scan::<RetryAt>(&(), RETRIES_FORGOTTEN_PER_ENTRY)
    {
        if at.plus(RETRY_RETENTION) >= now {
            break;
        }
        draft.delete::<RetryAt>(&(at, device, request));
        draft.delete::<Retry>(&(device, request));
    }
}
