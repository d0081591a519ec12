//! Statements of rights, and acknowledgements of them.

use cameo_common::api::ErrorCode;

use super::super::name::{same_if, same_or_never};
use super::Next;
use super::op::{Answer, Repeated, Stored, Terms};
use super::state::State;
use crate::linearizable::Step;

pub(super) fn put(
    state: &State,
    request: Repeated,
    rights: &Terms,
    answer: Option<&Answer<Stored>>,
) -> Next {
    if let Some(first) = state.answered(request) {
        return repeated(first, answer);
    }
    if tells_of_the_past(state, answer) {
        return Step::Never;
    }
    let current = &state.rights;
    if let Some(Err(code)) = answer {
        return same_if(match code {
            ErrorCode::StaleVersion => {
                rights.version <= current.version && rights.statement != current.statement
            }
            ErrorCode::NotFound | ErrorCode::RequestReused => false,
            _ => true,
        });
    }
    let after = if rights.statement == current.statement {
        state.clone()
    } else if rights.version > current.version {
        State {
            rights: *rights,
            ..state.clone()
        }
    } else if answer.is_none() && request.is_none() {
        // It is refused now, and for ever: versions only rise.
        return Step::Same;
    } else {
        return Step::Impossible;
    };
    carried_out(state, after, request, answer)
}

pub(super) fn acknowledge(
    state: &State,
    request: Repeated,
    version: u64,
    answer: Option<&Answer<Stored>>,
) -> Next {
    if let Some(first) = state.answered(request) {
        return repeated(first, answer);
    }
    if tells_of_the_past(state, answer) {
        return Step::Never;
    }
    if let Some(Err(code)) = answer {
        return same_or_never(match code {
            ErrorCode::Mismatch => version > state.rights.version,
            ErrorCode::NotFound | ErrorCode::RequestReused => false,
            _ => true,
        });
    }
    if version > state.rights.version {
        return Step::Impossible;
    }
    let after = State {
        acknowledged: state.acknowledged.max(version),
        ..state.clone()
    };
    carried_out(state, after, request, answer)
}

/// Whether this was answered at an earlier version. Nobody is answered so any more, also not by the
/// repetition of a request that is carried out later.
fn tells_of_the_past(state: &State, answer: Option<&Answer<Stored>>) -> bool {
    matches!(answer, Some(Ok(stored)) if stored.version < state.rights.version)
}

/// The same request again: the first answer, and no second effect.
fn repeated(first: Option<Stored>, answer: Option<&Answer<Stored>>) -> Next {
    same_or_never(match answer {
        None => true,
        Some(Ok(again)) => Some(*again) == first,
        // Refused before the cluster looked for the first answer, if at all.
        Some(Err(code)) => !is_about_rights(*code),
    })
}

/// Whether a refusal says something of the grant's rights.
fn is_about_rights(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::StaleVersion
            | ErrorCode::Mismatch
            | ErrorCode::NotFound
            | ErrorCode::RequestReused
    )
}

fn carried_out(
    before: &State,
    after: State,
    request: Repeated,
    answer: Option<&Answer<Stored>>,
) -> Next {
    let stored = after.stored();
    if answer.is_some_and(|answer| *answer != Ok(stored)) {
        return Step::Impossible;
    }
    let after = after.answer(request, stored);
    if after == *before {
        Step::Same
    } else {
        Step::Changed(Some(after))
    }
}
