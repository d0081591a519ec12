//! The state of a grant, and what is true of it.

use cameo_common::api::ErrorCode;

use super::super::name::{same_if, same_or_never};
use super::Next;
use super::answered::Answered;
use super::chain::Chain;
use super::op::{Answer, Number, Repeated, Stored, Terms, Usage};
use crate::linearizable::Step;

/// A grant that has been made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) rights: Terms,
    pub(super) acknowledged: u64,
    pub(super) views: Chain<View>,
    /// Answers to requests that the history has more than once.
    pub(super) answered: Answered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct View {
    pub request: Number,
    pub statement: Number,
    pub left: u32,
}

impl State {
    pub(super) fn new(request: Repeated, rights: Terms) -> Self {
        let mut answered = Answered::default();
        if let Some(request) = request {
            answered.add(request, None);
        }
        Self {
            rights,
            acknowledged: 0,
            views: Chain::new(),
            answered,
        }
    }

    pub(super) fn used(&self) -> u32 {
        u32::try_from(self.views.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn left_after(&self, used: u32) -> u32 {
        if self.rights.revoked {
            0
        } else {
            self.rights.permitted.saturating_sub(used)
        }
    }

    /// Why view `number` is not permitted.
    pub(super) fn denial(&self, number: u32) -> Option<ErrorCode> {
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

    /// Whether the rights were lowered below what was used.
    fn is_overdrawn(&self) -> bool {
        !self.rights.revoked && !self.rights.expired && self.rights.permitted < self.used()
    }

    pub(super) fn in_mailbox(&self) -> bool {
        self.acknowledged < self.rights.version
    }

    pub(super) fn stored(&self) -> Stored {
        Stored {
            version: self.rights.version,
            in_mailbox: self.in_mailbox(),
        }
    }

    pub(super) fn usage(&self) -> Usage {
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
    pub(super) fn view(&self, request: Number) -> Option<(u32, &View)> {
        let mut views = self.views.backwards();
        let (position, view) = views.find(|(_, view)| view.request == request)?;
        Some((u32::try_from(position + 1).unwrap_or(u32::MAX), view))
    }

    pub(super) fn has_views(&self, requests: &[Number]) -> bool {
        let views = self.views.backwards().map(|(_, view)| view.request);
        requests.len() == self.views.len() && views.eq(requests.iter().rev().copied())
    }

    pub(super) fn answered(&self, request: Repeated) -> Option<Option<Stored>> {
        self.answered.get(request?)
    }

    pub(super) fn answer(mut self, request: Repeated, answer: Stored) -> Self {
        if let Some(request) = request {
            self.answered.add(request, Some(answer));
        }
        self
    }

    /// Whether this read would be of an earlier state: none of these goes back.
    pub(super) fn is_past(&self, usage: &Usage) -> bool {
        usage.used < self.used()
            || usage.version < self.rights.version
            || usage.acknowledged < self.acknowledged
    }

    pub(super) fn release(
        &self,
        (request, statement): (Number, Number),
        late: bool,
        answer: &Answer<()>,
    ) -> Next {
        let view = self.view(request);
        let charged = view.filter(|(_, view)| view.statement == statement);
        let denied_with = |code| match charged {
            Some((number, _)) => same_if(self.denial(number) == code),
            // Whether it is charged, and with which bytes, does not change any more.
            None if view.is_some() => Step::Never,
            None => Step::Impossible,
        };
        match answer {
            Ok(()) => denied_with(None),
            // A node counts the requests that it has released, whatever their numbers.
            Err(ErrorCode::UsedUp) if charged.is_some() && self.is_overdrawn() => Step::Same,
            Err(code @ (ErrorCode::Revoked | ErrorCode::Expired | ErrorCode::UsedUp)) => {
                denied_with(Some(*code))
            }
            Err(ErrorCode::NotDebited) => {
                same_or_never(view.is_none() || (late && charged.is_some()))
            }
            Err(ErrorCode::RequestReused) if view.is_none() => Step::Impossible,
            Err(ErrorCode::RequestReused) => same_or_never(charged.is_none()),
            Err(_) => Step::Same,
        }
    }
}
