//! A grant: a bounded counter of views with request ids, under rights that have versions, with a
//! mailbox of one place (laws L1 to L6, B1, B3 and B4 as one object).
//!
//! - A debit is charged when the rights permit one more, once for a request; the same request with
//!   the same bytes gets the first answer for ever, with other bytes it is refused.
//! - Rights with a higher version replace lower ones; the same statement again changes nothing.
//! - The mailbox is full as long as the viewer has not acknowledged the newest version.
//! - A part is released for a charged view that the rights of that moment still permit.
//! - A refusal changes nothing, and names a reason that is true at that moment.

mod answered;
mod chain;
mod debit;
mod op;
mod rights;
mod state;
#[cfg(test)]
mod tests;
mod told;

use cameo_common::api::ErrorCode;

pub use chain::Chain;
pub use op::{Answer, Charged, GrantOp, Number, Repeated, Stored, Terms, Usage};
pub use state::State;
pub use told::Told;

use super::name::{same_if, same_or_never};
use crate::linearizable::{Specification, Step};

/// One grant, in a history that tells something of its views.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    pub told: Told,
}

type Next = Step<Option<State>>;

impl Specification for Grant {
    type State = Option<State>;
    type Op = GrantOp;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, op: &GrantOp) -> Next {
        match (state, op) {
            (None, op) => before_creation(op),
            (
                Some(state),
                GrantOp::Create {
                    request, answer, ..
                },
            ) => {
                // Once more is possible as a repetition of the creation itself.
                match answer {
                    Some(Err(_)) => Step::Same,
                    _ if state.answered(*request).is_some() => Step::Same,
                    _ if request.is_none() => Step::Never,
                    _ => Step::Impossible,
                }
            }
            (
                Some(state),
                GrantOp::Debit {
                    request,
                    statement,
                    genuine,
                    answer,
                },
            ) => debit::debit(
                &self.told,
                state,
                (*request, *statement),
                *genuine,
                answer.as_ref(),
            ),
            (
                Some(state),
                GrantOp::Release {
                    request,
                    statement,
                    late,
                    answer,
                },
            ) => state.release((*request, *statement), *late, answer),
            (Some(state), GrantOp::Usage(answer)) => match answer {
                Ok(usage) if *usage == state.usage() => Step::Same,
                Ok(usage) if state.is_past(usage) => Step::Never,
                Ok(_) => Step::Impossible,
                Err(code) => same_or_never(*code != ErrorCode::NotFound),
            },
            (Some(state), GrantOp::Log(answer)) => match answer {
                Ok(views) if views.len() > state.views.len() => Step::Impossible,
                Ok(views) => same_or_never(state.has_views(views)),
                Err(code) => same_or_never(*code != ErrorCode::NotFound),
            },
            (
                Some(state),
                GrantOp::Put {
                    request,
                    rights,
                    answer,
                },
            ) => rights::put(state, *request, rights, answer.as_ref()),
            (
                Some(state),
                GrantOp::Acknowledge {
                    request,
                    version,
                    answer,
                },
            ) => rights::acknowledge(state, *request, *version, answer.as_ref()),
        }
    }
}

fn before_creation(op: &GrantOp) -> Next {
    let refused = match op {
        GrantOp::Create {
            request,
            rights,
            answer,
        } => match answer {
            None | Some(Ok(())) => return Step::Changed(Some(State::new(*request, *rights))),
            Some(Err(code)) => Some(code),
        },
        GrantOp::Debit { answer, .. } => answer.as_ref().and_then(|answer| answer.as_ref().err()),
        GrantOp::Release { answer, .. } => answer.as_ref().err(),
        GrantOp::Usage(answer) => answer.as_ref().err(),
        GrantOp::Log(answer) => answer.as_ref().err(),
        GrantOp::Put { answer, .. } | GrantOp::Acknowledge { answer, .. } => {
            answer.as_ref().and_then(|answer| answer.as_ref().err())
        }
    };
    same_if(refused.is_some_and(|code| !tells_of_a_grant(*code)))
}

/// Whether this refusal can only be given where there is a grant.
fn tells_of_a_grant(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Revoked
            | ErrorCode::UsedUp
            | ErrorCode::NotDebited
            | ErrorCode::StaleVersion
            | ErrorCode::RequestReused
    )
}
