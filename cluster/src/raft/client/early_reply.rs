//! Replies to commands that are not committed yet, where that bug is planted.

use super::replica::{AppliedState, Committed};
use cameo_machine::Command;

/// What this node would answer by its own state, if it answers before the entry is committed.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(super) fn of(_: &dyn AppliedState, _: &Command) -> Option<Committed> {
    None
}

/// The same with the bug, for devices alone: nodes repeat what has no effect at once. Refusals are
/// not early: what is wrong is what was promised.
#[cfg(feature = "mutants")]
pub(super) fn of(state: &dyn AppliedState, command: &Command) -> Option<Committed> {
    use cameo_machine::{Caller, Entry, decide, read};
    use cameo_mutant::{Mutant, is_planted};

    let of_device = !matches!(command.caller, Caller::Node(_));
    if !of_device || !is_planted(Mutant::AcknowledgeBeforeCommit) {
        return None;
    }
    let index = state.applied() + 1;
    let view = state.view();
    let entry = Entry::new(read::log_time(&*view), command.clone());
    let reply = decide(&*view, index, &entry.encode()).reply;
    reply.is_ok().then_some(Committed { index, reply })
}
