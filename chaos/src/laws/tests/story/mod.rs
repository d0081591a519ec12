//! Histories in a few words.

mod directory;
mod grants;
mod jobs;
mod nodes;

use std::time::Duration;

use cameo_common::api::ErrorCode;
use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;

use crate::history::{Answer, Begin, FORMAT, Happened, History, Key, Micros, Op, Operation, Row};
use crate::laws::judge;
use crate::verdict::{Judged, Law, Outcome};

pub(super) use grants::{charged, granted, stored, terms, usage};
pub(super) use nodes::{observed, seen_floor};

pub(super) const SECOND: u64 = 1_000_000;

/// An outcome: `Unknown` has no return.
pub(super) enum Told<T> {
    Ok(T),
    Refused(ErrorCode),
    Unknown,
}

pub(super) use Told::{Refused, Unknown};

/// A history while it is told. Each operation takes one unit of time after the one before it, and
/// is its client's alone, unless said otherwise.
pub(super) struct Story {
    history: History,
    /// The time, in microseconds.
    pub now: u64,
    client: u64,
    begins: Option<u64>,
}

pub(super) fn id(number: u8) -> RequestId {
    RequestId([number; 16])
}

pub(super) fn key(number: u8) -> PublicKey {
    PublicKey([number; 32])
}

pub(super) fn hash(number: u8) -> Hash {
    Hash([number; 32])
}

pub(super) fn grant() -> Key {
    Key("grant/1".to_owned())
}

impl Story {
    /// A run of three nodes.
    pub fn of(workloads: &[&str]) -> Self {
        let mut story = Self {
            history: History::default(),
            now: 0,
            client: 0,
            begins: None,
        };
        let begin = Begin {
            format: FORMAT,
            target: "sim".to_owned(),
            seed: 1,
            nodes: 3,
            started: Millis(1_000_000),
            workloads: workloads.iter().map(|name| (*name).to_owned()).collect(),
            command: "none".to_owned(),
            liars: Vec::new(),
        };
        let (arg, out) = (begin, Some(Happened {}));
        story.add(Key(String::new()), true, Op::Begin(Operation { arg, out }));
        story
    }

    /// Has these nodes lie at times.
    pub fn with_liars(&mut self, liars: &[u64]) -> &mut Self {
        if let Op::Begin(begin) = &mut self.history.rows[0].op {
            begin.arg.liars = liars.iter().copied().map(NodeId).collect();
        }
        self
    }

    /// Lets the next operation begin this long before the last one ended.
    pub fn overlapping(&mut self, earlier: u64) -> &mut Self {
        self.begins = Some(self.now.saturating_sub(earlier));
        self
    }

    pub fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now += seconds * SECOND;
        self
    }

    /// Has the next operation made by the client of the last one.
    pub fn same_client(&mut self) -> &mut Self {
        self.client -= 1;
        self
    }

    pub fn add(&mut self, key: Key, known: bool, op: Op) -> &mut Self {
        self.client += 1;
        let call = self.begins.take().unwrap_or(self.now + 10);
        self.now = self.now.max(call) + 10;
        self.history.rows.push(Row {
            client: self.client,
            key,
            op,
            call: Micros(call),
            ret: known.then_some(Micros(self.now)),
        });
        self
    }

    fn asked<A, T>(
        &mut self,
        key: Key,
        arg: A,
        told: Told<T>,
        op: fn(Operation<A, Answer<T>>) -> Op,
    ) -> &mut Self {
        let out = match told {
            Told::Ok(result) => Some(Answer::Ok(result)),
            Refused(code) => Some(Answer::Refused(code)),
            Unknown => None,
        };
        self.add(key, out.is_some(), op(Operation { arg, out }))
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn judged(&self) -> Judged {
        judge(&self.history, Duration::from_secs(60))
    }

    /// The outcome of one law.
    pub fn by(&self, law: Law) -> Outcome {
        let judged = self.judged();
        let report = judged.laws.into_iter().find(|report| report.law == law);
        report.unwrap().worst
    }

    /// Checks that a law finds nothing against it.
    pub fn keeps(&self, law: Law) -> &Self {
        let outcome = self.by(law);
        assert_eq!(outcome, Outcome::Valid, "{law}:\n{}", self.shown());
        self
    }

    /// Checks that a law is broken, and that its evidence is in the history.
    pub fn breaks(&self, law: Law) -> &Self {
        let outcome = self.by(law);
        let Outcome::Invalid { rows, .. } = outcome else {
            panic!("{law} is {}:\n{}", outcome.name(), self.shown());
        };
        assert!(!rows.is_empty(), "{law}");
        assert!(rows.iter().all(|&row| row < self.history.rows.len()));
        self
    }

    /// Checks that too little was seen to judge by a law.
    pub fn leaves_open(&self, law: Law) -> &Self {
        let outcome = self.by(law);
        assert_eq!(outcome.name(), "inconclusive", "{law}:\n{}", self.shown());
        self
    }

    fn shown(&self) -> String {
        self.judged().text(&self.history)
    }
}
