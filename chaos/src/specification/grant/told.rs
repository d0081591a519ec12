//! The numbers of a grant's views, as far as the whole history tells them.
//!
//! A view without an answer may have been charged at any time after its call, or never: tried at
//! each moment, a few of them are too many ways. But views are only added. So a log that was read
//! is the beginning of what the grant has at the end; a request has the number that a log or an
//! answer gives it, and no other request has that number. That holds in every order in which all
//! answers of the history have a place, whenever they were read and whether or not they were up to
//! date then. So a step that contradicts it leads to no order, and leaving it out loses none. Where
//! logs and answers contradict each other there is no order, with this or without.

use std::collections::HashMap;

use super::op::Number;
use crate::linearizable::BuildQuick;

/// The numbers of views that are known before any order is.
#[derive(Debug, Clone, Default)]
pub struct Told {
    numbers: HashMap<Number, u32, BuildQuick>,
    requests: HashMap<u32, Number, BuildQuick>,
}

impl Told {
    /// A log, or an answer that has come, says that this request is view `number`.
    pub fn add(&mut self, request: Number, number: u32) {
        self.numbers.entry(request).or_insert(number);
        self.requests.entry(number).or_insert(request);
    }

    /// Whether a request may be charged as view `number`.
    pub(super) fn allows(&self, request: Number, number: u32) -> bool {
        match self.numbers.get(&request) {
            Some(own) => *own == number,
            None => !self.requests.contains_key(&number),
        }
    }

    /// Whether a request cannot be charged any more, or is already, once `used` views are.
    pub(super) fn is_over(&self, request: Number, used: u32) -> bool {
        let own = self.numbers.get(&request);
        own.is_some_and(|number| *number <= used)
    }
}
