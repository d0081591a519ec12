//! A grant: a bounded counter of views with request ids, under rights that have versions, with a
//! mailbox of one place (laws L1 to L6, B1, B3 and B4 as one object).
//!
//! - A debit is charged when the rights permit one more, once for a request; the same request with
//!   the same bytes gets the first answer for ever, with other bytes it is refused.
//! - Rights with a higher version replace lower ones; the same statement again changes nothing.
//! - The mailbox is full as long as the viewer has not acknowledged the newest version.
//! - A part is released for a charged view that the rights of that moment still permit.
//! - A refusal changes nothing, and names a reason that is true at that moment.

mod chain;
mod op;
#[cfg(test)]
mod tests;

use cameo_common::api::ErrorCode;

pub use chain::Chain;
pub use op::{Answer, Charged, GrantOp, Number, Repeated, Stored, Terms, Usage};

use super::name::same_if;
use crate::linearizable::{Specification, Step};

/// One grant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grant;

/// A grant that has been made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    rights: Terms,
    acknowledged: u64,
    views: Chain<View>,
    /// Answers to requests that the history has more than once.
    answered: Chain<(Number, Option<Stored>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct View {
    request: Number,
    statement: Number,
    left: u32,
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
                same_if(matches!(answer, Some(Err(_))) || state.answered(*request).is_some())
            }
            (
                Some(state),
                GrantOp::Debit {
                    request,
                    statement,
                    genuine,
                    answer,
                },
            ) => debit(state, (*request, *statement), *genuine, answer.as_ref()),
            (
                Some(state),
                GrantOp::Release {
                    request,
                    statement,
                    late,
                    answer,
                },
            ) => same_if(state.may_release((*request, *statement), *late, answer)),
            (Some(state), GrantOp::Usage(answer)) => same_if(match answer {
                Ok(usage) => *usage == state.usage(),
                Err(code) => *code != ErrorCode::NotFound,
            }),
            (Some(state), GrantOp::Log(answer)) => same_if(match answer {
                Ok(views) => state.has_views(views),
                Err(code) => *code != ErrorCode::NotFound,
            }),
            (
                Some(state),
                GrantOp::Put {
                    request,
                    rights,
                    answer,
                },
            ) => put(state, *request, rights, answer.as_ref()),
            (
                Some(state),
                GrantOp::Acknowledge {
                    request,
                    version,
                    answer,
                },
            ) => acknowledge(state, *request, *version, answer.as_ref()),
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

impl State {
    fn new(request: Repeated, rights: Terms) -> Self {
        let mut answered = Chain::new();
        if let Some(request) = request {
            answered = answered.with((request, None));
        }
        Self {
            rights,
            acknowledged: 0,
            views: Chain::new(),
            answered,
        }
    }

    fn used(&self) -> u32 {
        u32::try_from(self.views.len()).unwrap_or(u32::MAX)
    }

    fn left_after(&self, used: u32) -> u32 {
        if self.rights.revoked {
            0
        } else {
            self.rights.permitted.saturating_sub(used)
        }
    }

    /// Why view `number` is not permitted.
    fn denial(&self, number: u32) -> Option<ErrorCode> {
        if self.rights.revoked {
            Some(ErrorCode::Revoked)
        } else if self.rights.expired {
            Some(ErrorCode::Expired)
        } else if number > self.rights.permitted {
            Some(ErrorCode::UsedUp)
        } else {
            None
        }
    }

    fn in_mailbox(&self) -> bool {
        self.acknowledged < self.rights.version
    }

    fn stored(&self) -> Stored {
        Stored {
            version: self.rights.version,
            in_mailbox: self.in_mailbox(),
        }
    }

    fn usage(&self) -> Usage {
        let used = self.used();
        Usage {
            version: self.rights.version,
            statement: self.rights.statement,
            permitted: self.rights.permitted,
            used,
            left: self.left_after(used),
            revoked: self.rights.revoked,
            acknowledged: self.acknowledged,
            in_mailbox: self.in_mailbox(),
        }
    }

    /// The view of a request, with its number.
    fn view(&self, request: Number) -> Option<(u32, &View)> {
        let mut views = self.views.backwards();
        let (position, view) = views.find(|(_, view)| view.request == request)?;
        Some((u32::try_from(position + 1).unwrap_or(u32::MAX), view))
    }

    fn has_views(&self, requests: &[Number]) -> bool {
        let views = self.views.backwards().map(|(_, view)| view.request);
        requests.len() == self.views.len() && views.eq(requests.iter().rev().copied())
    }

    fn answered(&self, request: Repeated) -> Option<Option<Stored>> {
        let request = request?;
        let mut all = self.answered.backwards();
        all.find(|(_, (known, _))| *known == request)
            .map(|(_, (_, answer))| *answer)
    }

    fn answer(mut self, request: Repeated, answer: Stored) -> Self {
        if let Some(request) = request {
            self.answered = self.answered.with((request, Some(answer)));
        }
        self
    }

    fn may_release(
        &self,
        (request, statement): (Number, Number),
        late: bool,
        answer: &Answer<()>,
    ) -> bool {
        let view = self.view(request);
        let charged = view.filter(|(_, view)| view.statement == statement);
        match answer {
            Ok(()) => charged.is_some_and(|(number, _)| self.denial(number).is_none()),
            Err(code @ (ErrorCode::Revoked | ErrorCode::Expired | ErrorCode::UsedUp)) => {
                charged.is_some_and(|(number, _)| self.denial(number) == Some(*code))
            }
            Err(ErrorCode::NotDebited) => view.is_none() || (late && charged.is_some()),
            Err(ErrorCode::RequestReused) => view.is_some() && charged.is_none(),
            Err(_) => true,
        }
    }
}

fn debit(
    state: &State,
    (request, statement): (Number, Number),
    genuine: bool,
    answer: Option<&Answer<Charged>>,
) -> Next {
    if !genuine {
        // Whatever it is refused with, it must be.
        return same_if(matches!(answer, Some(Err(_))));
    }
    if let Some((number, view)) = state.view(request) {
        let first = Charged {
            number,
            used: number,
            left: view.left,
        };
        return same_if(match answer {
            None => true,
            Some(Ok(again)) => view.statement == statement && *again == first,
            Some(Err(ErrorCode::RequestReused)) => view.statement != statement,
            Some(Err(code)) => !is_about_views(*code),
        });
    }
    let number = state.used() + 1;
    let denial = state.denial(number);
    let left = state.left_after(number);
    let used = number;
    match answer {
        Some(Err(code)) => same_if(denial == Some(*code) || !is_about_views(*code)),
        None if denial.is_some() => Step::Impossible,
        Some(Ok(_)) if denial.is_some() => Step::Impossible,
        Some(Ok(charged)) if *charged != (Charged { number, used, left }) => Step::Impossible,
        None | Some(Ok(_)) => {
            let view = View {
                request,
                statement,
                left,
            };
            Step::Changed(Some(State {
                views: state.views.with(view),
                ..state.clone()
            }))
        }
    }
}

/// Whether a refusal of a debit says something of the grant's views.
fn is_about_views(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Revoked
            | ErrorCode::Expired
            | ErrorCode::UsedUp
            | ErrorCode::RequestReused
            | ErrorCode::NotFound
    )
}

fn put(state: &State, request: Repeated, rights: &Terms, answer: Option<&Answer<Stored>>) -> Next {
    if let Some(first) = state.answered(request) {
        return repeated(first, answer);
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
    } else {
        return Step::Impossible;
    };
    carried_out(state, after, request, answer)
}

fn acknowledge(
    state: &State,
    request: Repeated,
    version: u64,
    answer: Option<&Answer<Stored>>,
) -> Next {
    if let Some(first) = state.answered(request) {
        return repeated(first, answer);
    }
    if let Some(Err(code)) = answer {
        return same_if(match code {
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

/// The same request again: the first answer, and no second effect.
fn repeated(first: Option<Stored>, answer: Option<&Answer<Stored>>) -> Next {
    same_if(match answer {
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
