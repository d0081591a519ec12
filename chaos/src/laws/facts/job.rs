//! The operations on one image job.

use cameo_common::ids::Hash;

use super::At;
use crate::history::{Answer, JobEnd, Op, PlaceArg, Placed, Row, RunArg};

/// In the order of their returns.
#[derive(Debug, Default)]
pub(in crate::laws) struct JobFacts<'a> {
    pub places: Vec<At<'a, PlaceArg, Answer<Placed>>>,
    pub runs: Vec<At<'a, RunArg, Answer<Hash>>>,
    pub ends: Vec<At<'a, (), JobEnd>>,
}

impl<'a> JobFacts<'a> {
    pub(super) fn add(&mut self, number: usize, row: &'a Row) {
        match &row.op {
            Op::Place(op) => self.places.push(At::new(number, row, op)),
            Op::Run(op) => self.runs.push(At::new(number, row, op)),
            Op::EndJob(op) => self.ends.push(At::new(number, row, op)),
            _ => {}
        }
    }
}
