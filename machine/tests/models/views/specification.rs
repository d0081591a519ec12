//! The answers that debits must get: a bounded counter with request ids, without the machine.

use std::hash::{Hash, Hasher};

use cameo_common::rights::Rights;
use cameo_machine::{Done, Refusal, Reply};

use super::laws::{L1, L2, L3};
use super::{Request, time_of};

/// The rights in force, and the views taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specification {
    pub rights: Rights,
    /// In order of number, each with its log time and what was left after it.
    pub views: Vec<(Request, usize, u32)>,
}

impl Specification {
    pub fn new(rights: Rights) -> Self {
        Self {
            rights,
            views: Vec::new(),
        }
    }

    /// The refusal for view number `number` at a time, if there is one.
    pub fn denied(&self, number: usize, time: usize) -> Option<Refusal> {
        let expired = self.rights.expires.is_some_and(|end| time_of(time) >= end);
        if self.rights.revoked {
            Some(Refusal::Revoked)
        } else if expired {
            Some(Refusal::Expired)
        } else {
            (number as u32 > self.rights.permitted).then_some(Refusal::UsedUp)
        }
    }

    /// Views left.
    pub fn left(&self) -> u32 {
        let used = self.views.len() as u32;
        if self.rights.revoked || used > self.rights.permitted {
            0
        } else {
            self.rights.permitted - used
        }
    }

    /// Takes new rights, if the reply says that the ledger has.
    pub fn put(&mut self, rights: &Rights, reply: &Reply) {
        if reply.is_ok() && rights.version > self.rights.version {
            self.rights = rights.clone();
        }
    }

    /// Compares the reply to a debit, and whether it changed anything, with what they must be. The
    /// law that they break, if any.
    pub fn debit(
        &mut self,
        request: Request,
        time: usize,
        reply: &Reply,
        changed: bool,
    ) -> Option<&'static str> {
        let taken = self
            .views
            .iter()
            .position(|(view, ..)| view.id() == request.id());
        let Some(place) = taken else {
            return self.first(request, time, reply, changed);
        };
        let (known, _, left) = self.views[place];
        let same = known == request && numbers(reply) == Some((place as u32 + 1, left));
        let refused = known != request && *reply == Err(Refusal::RequestReused);
        (changed || !(same || refused)).then_some(L3)
    }

    /// The same for an id that was not charged yet.
    fn first(
        &mut self,
        request: Request,
        time: usize,
        reply: &Reply,
        changed: bool,
    ) -> Option<&'static str> {
        let number = self.views.len() + 1;
        match (self.denied(number, time), reply) {
            (Some(_), Ok(_)) => Some(L2),
            (Some(refusal), Err(given)) if refusal == *given => changed.then_some(L3),
            (None, Ok(_)) => {
                let left = self.rights.permitted - number as u32;
                self.views.push((request, time, left));
                (numbers(reply) != Some((number as u32, left))).then_some(L1)
            }
            _ => Some(L1),
        }
    }
}

/// Number and left of a debit's reply, if used is its number.
fn numbers(reply: &Reply) -> Option<(u32, u32)> {
    match reply {
        Ok(Done::Debited {
            number, used, left, ..
        }) if number == used => Some((*number, *left)),
        _ => None,
    }
}

impl Hash for Specification {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (
            self.rights.version,
            self.rights.permitted,
            self.rights.revoked,
        )
            .hash(hasher);
        self.views.hash(hasher);
    }
}
