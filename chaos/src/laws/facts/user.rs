//! The operations on one user's name.

use super::At;
use crate::history::{Answer, EpochArg, Found, LookUpArg, Op, RegisterArg, Row, SessionArg};

/// In the order of their returns.
#[derive(Debug, Default)]
pub(in crate::laws) struct UserFacts<'a> {
    pub registers: Vec<At<'a, RegisterArg, Answer<()>>>,
    pub look_ups: Vec<At<'a, LookUpArg, Answer<Option<Found>>>>,
    pub starts: Vec<At<'a, SessionArg, Answer<u64>>>,
    pub keep_alives: Vec<At<'a, EpochArg, Answer<()>>>,
    pub ends: Vec<At<'a, EpochArg, Answer<()>>>,
    pub reports: Vec<At<'a, EpochArg, Answer<bool>>>,
}

impl<'a> UserFacts<'a> {
    pub(super) fn add(&mut self, number: usize, row: &'a Row) {
        match &row.op {
            Op::Register(op) => self.registers.push(At::new(number, row, op)),
            Op::LookUp(op) => self.look_ups.push(At::new(number, row, op)),
            Op::StartSession(op) => self.starts.push(At::new(number, row, op)),
            Op::KeepAlive(op) => self.keep_alives.push(At::new(number, row, op)),
            Op::EndSession(op) => self.ends.push(At::new(number, row, op)),
            Op::ReportOffline(op) => self.reports.push(At::new(number, row, op)),
            _ => {}
        }
    }
}
