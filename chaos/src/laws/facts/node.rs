//! One node's statements about itself.

use super::At;
use crate::history::{Held, Observed, Op, Row};

/// In the order of their returns.
#[derive(Debug, Default)]
pub(in crate::laws) struct NodeFacts<'a> {
    pub observed: Vec<At<'a, (), Observed>>,
    pub held: Vec<At<'a, (), Held>>,
}

impl<'a> NodeFacts<'a> {
    pub(super) fn add(&mut self, number: usize, row: &'a Row) {
        match &row.op {
            Op::Observe(op) => self.observed.push(At::new(number, row, op)),
            Op::Held(op) => self.held.push(At::new(number, row, op)),
            _ => {}
        }
    }

    /// Pairs of which the second began when the first had ended, each with what was said.
    pub fn in_turn(&self) -> impl Iterator<Item = [(usize, &'a Observed); 2]> {
        let mut last: Option<&At<'a, (), Observed>> = None;
        self.observed.iter().filter_map(move |at| {
            let now = (at.row, at.out?);
            let before = last.filter(|last| last.end() <= at.call);
            let pair = before.and_then(|last| Some([(last.row, last.out?), now]));
            if last.is_none() || pair.is_some() {
                last = Some(at);
            }
            pair
        })
    }
}
