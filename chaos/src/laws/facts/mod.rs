//! A history sorted by object and by kind of operation, as the laws read it.

mod grant;
mod job;
mod node;
mod user;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::api::ErrorCode;
use cameo_common::ids::Millis;

use crate::faults::Kind;
use crate::history::{Answer, Begin, FaultArg, History, Key, Micros, Op, Operation, Row, Struck};

pub(super) use grant::{ChargedView, GrantFacts};
pub(super) use job::JobFacts;
pub(super) use node::NodeFacts;
pub(super) use user::UserFacts;
pub(super) use versions::{Version, Versions};

/// An operation of one kind.
#[derive(Debug)]
pub(super) struct At<'a, A, O> {
    /// Its row, counted from 0.
    pub row: usize,
    pub client: u64,
    pub call: Micros,
    pub ret: Option<Micros>,
    pub arg: &'a A,
    pub out: Option<&'a O>,
}

impl<A, O> Clone for At<'_, A, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, O> Copy for At<'_, A, O> {}

impl<'a, A, O> At<'a, A, O> {
    fn new(row: usize, of: &Row, op: &'a Operation<A, O>) -> Self {
        Self {
            row,
            client: of.client,
            call: of.call,
            ret: of.ret,
            arg: &op.arg,
            out: op.out.as_ref(),
        }
    }

    /// The latest time at which it can have taken effect.
    pub fn end(&self) -> Micros {
        self.ret.unwrap_or(Micros(u64::MAX))
    }
}

impl<'a, A, T> At<'a, A, Answer<T>> {
    /// The result, if it was acked.
    pub fn acked(&self) -> Option<&'a T> {
        self.out.and_then(Answer::ok)
    }

    /// The reason, if it was refused. Who is told "outcome unknown" was not refused.
    pub fn refused(&self) -> Option<ErrorCode> {
        match self.out {
            Some(Answer::Refused(code)) if !is_unknown(*code) => Some(*code),
            _ => None,
        }
    }

    /// Whether it may have been carried out.
    pub fn may_count(&self) -> bool {
        self.refused().is_none()
    }
}

/// Whether an answer with this code leaves open what happened.
fn is_unknown(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::OutcomeUnknown | ErrorCode::Internal)
}

/// All that the laws look at.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub history: &'a History,
    pub begin: Option<&'a Begin>,
    pub users: BTreeMap<&'a Key, UserFacts<'a>>,
    pub grants: BTreeMap<&'a Key, GrantFacts<'a>>,
    pub jobs: BTreeMap<&'a Key, JobFacts<'a>>,
    pub nodes: BTreeMap<&'a Key, NodeFacts<'a>>,
    pub faults: Vec<At<'a, FaultArg, Struck>>,
    /// When all faults were over and all nodes ran again.
    pub healed: Option<Micros>,
}

impl<'a> Facts<'a> {
    pub fn of(history: &'a History) -> Self {
        let mut facts = Self {
            history,
            begin: None,
            users: BTreeMap::new(),
            grants: BTreeMap::new(),
            jobs: BTreeMap::new(),
            nodes: BTreeMap::new(),
            faults: Vec::new(),
            healed: history.healed(),
        };
        for (number, row) in history.rows.iter().enumerate() {
            facts.add(number, row);
        }
        for grant in facts.grants.values_mut() {
            grant.finish();
        }
        facts
    }

    fn add(&mut self, number: usize, row: &'a Row) {
        let key = &row.key;
        match &row.op {
            Op::Begin(op) => self.begin = Some(&op.arg),
            Op::Fault(op) => self.faults.push(At::new(number, row, op)),
            Op::Skipped(_) | Op::Healed(_) => {}
            Op::Register(_)
            | Op::LookUp(_)
            | Op::StartSession(_)
            | Op::KeepAlive(_)
            | Op::EndSession(_)
            | Op::ReportOffline(_) => self.users.entry(key).or_default().add(number, row),
            Op::Create(_)
            | Op::Debit(_)
            | Op::Release(_)
            | Op::Usage(_)
            | Op::Log(_)
            | Op::PutRights(_)
            | Op::Confirm(_)
            | Op::Acknowledge(_)
            | Op::Delivered(_)
            | Op::Open(_)
            | Op::Permit(_)
            | Op::Shown(_) => self.grants.entry(key).or_default().add(number, row),
            Op::Place(_) | Op::Run(_) | Op::EndJob(_) => {
                self.jobs.entry(key).or_default().add(number, row);
            }
            Op::Observe(_) | Op::Held(_) => self.nodes.entry(key).or_default().add(number, row),
        }
    }

    /// The wall clock's time at which the run began.
    pub fn started(&self) -> Millis {
        self.begin.map_or(Millis::EPOCH, |begin| begin.started)
    }

    /// How many nodes lie at times.
    pub fn liars(&self) -> usize {
        self.begin.map_or(0, |begin| begin.liars.len())
    }

    /// Whether a node has come back with an older disk: consensus counts on what a voter has
    /// written.
    pub fn is_rolled_back(&self) -> bool {
        let kind = Kind::RolledBack.name();
        self.faults.iter().any(|fault| fault.arg.kind == kind)
    }

    /// Whether the run had this workload.
    pub fn has_workload(&self, name: &str) -> bool {
        self.begin
            .is_some_and(|begin| begin.workloads.iter().any(|known| known == name))
    }

    /// Whether no fault lasted into this span, and no node told of more than one term in it.
    pub fn quiet(&self, from: Micros, to: Micros) -> bool {
        let struck = |fault: &At<'_, FaultArg, Struck>| fault.call <= to && fault.end() >= from;
        let told = self.nodes.values().flat_map(|node| &node.observed);
        let told = told.filter(|at| at.call <= to && at.end() >= from);
        let terms: BTreeSet<u64> = told.filter_map(|at| Some(at.out?.term)).collect();
        terms.len() <= 1 && !self.faults.iter().any(struck)
    }
}

/// A duration as the history counts it.
pub(super) const fn micros(duration: std::time::Duration) -> u64 {
    // A run of half a million years would be cut short here.
    duration.as_micros() as u64
}
