//! The first answers to requests.

use std::rc::Rc;

use super::op::{Number, Stored};

/// What each request was answered first, in the order of the requests: two states in which the same
/// was answered are equal, whichever came first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Answered(Rc<Vec<(Number, Option<Stored>)>>);

impl Answered {
    pub(super) fn get(&self, request: Number) -> Option<Option<Stored>> {
        let place = self.place(request).ok()?;
        self.0.get(place).map(|(_, answer)| *answer)
    }

    /// Adds an answer, unless there is one.
    pub(super) fn add(&mut self, request: Number, answer: Option<Stored>) {
        if let Err(place) = self.place(request) {
            Rc::make_mut(&mut self.0).insert(place, (request, answer));
        }
    }

    fn place(&self, request: Number) -> Result<usize, usize> {
        self.0.binary_search_by_key(&request, |(known, _)| *known)
    }
}
