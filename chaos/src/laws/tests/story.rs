//! Histories in a few words.

use std::time::Duration;

use cameo_common::api::ErrorCode;
use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;

use crate::history::{
    AckArg, Answer, Begin, CreateArg, DebitArg, Debited, DeliveredBy, EpochArg, FORMAT, FaultArg,
    Found, Happened, History, JobEnd, Key, LogRead, LookUpArg, Micros, Observed, Op, Operation,
    PlaceArg, Placed, PutRightsArg, ReadArg, RegisterArg, ReleaseArg, Released, RightsStored, Row,
    RunArg, SessionArg, Struck, Tamper, Terms, Usage, ViewTaken,
};
use crate::laws::judge;
use crate::verdict::{Judged, Law, Outcome};

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

/// Rights without an expiry.
pub(super) fn terms(version: u64, permitted: u32, revoked: bool) -> Terms {
    Terms {
        version,
        permitted,
        revoked,
        expires: None,
        statement: hash(100 + version as u8),
    }
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
        };
        let (arg, out) = (begin, Some(Happened {}));
        story.add(Key(String::new()), true, Op::Begin(Operation { arg, out }));
        story
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

    pub fn register(&mut self, name: &str, owner: u8, told: Told<()>) -> &mut Self {
        let arg = RegisterArg {
            request: id(self.client as u8),
            owner: key(owner),
            device: key(owner + 100),
        };
        self.asked(Key::user(name), arg, told, Op::Register)
    }

    pub fn look_up(&mut self, name: &str, owner: Option<u8>) -> &mut Self {
        let found = owner.map(|owner| Found {
            owner: key(owner),
            online: None,
            epoch: None,
        });
        let arg = LookUpArg { node: NodeId(1) };
        self.asked(Key::user(name), arg, Told::Ok(found), Op::LookUp)
    }

    pub fn online(&mut self, name: &str, owner: u8, epoch: u64) -> &mut Self {
        let found = Some(Found {
            owner: key(owner),
            online: Some(true),
            epoch: Some(epoch),
        });
        let arg = LookUpArg { node: NodeId(1) };
        self.asked(Key::user(name), arg, Told::Ok(found), Op::LookUp)
    }

    pub fn offline(&mut self, name: &str, owner: u8) -> &mut Self {
        let found = Some(Found {
            owner: key(owner),
            online: Some(false),
            epoch: None,
        });
        let arg = LookUpArg { node: NodeId(1) };
        self.asked(Key::user(name), arg, Told::Ok(found), Op::LookUp)
    }

    pub fn start(&mut self, name: &str, device: u8, told: Told<u64>) -> &mut Self {
        let arg = SessionArg {
            request: id(self.client as u8),
            device: key(device),
        };
        self.asked(Key::user(name), arg, told, Op::StartSession)
    }

    fn epoch(&mut self, epoch: u64) -> EpochArg {
        let request = id(self.client as u8);
        EpochArg { request, epoch }
    }

    pub fn keep_alive(&mut self, name: &str, epoch: u64, told: Told<()>) -> &mut Self {
        let arg = self.epoch(epoch);
        self.asked(Key::user(name), arg, told, Op::KeepAlive)
    }

    pub fn end(&mut self, name: &str, epoch: u64, told: Told<()>) -> &mut Self {
        let arg = self.epoch(epoch);
        self.asked(Key::user(name), arg, told, Op::EndSession)
    }

    pub fn report(&mut self, name: &str, epoch: u64, told: Told<bool>) -> &mut Self {
        let arg = self.epoch(epoch);
        self.asked(Key::user(name), arg, told, Op::ReportOffline)
    }

    /// A grant of version 1, whose viewer has key 2.
    pub fn create(&mut self, permitted: u32) -> &mut Self {
        let arg = CreateArg {
            request: id(200),
            owner: key(1),
            viewer: key(2),
            rights: terms(1, permitted, false),
        };
        self.asked(grant(), arg, Told::Ok(()), Op::Create)
    }

    pub fn put(&mut self, rights: Terms, told: Told<RightsStored>) -> &mut Self {
        let request = id(self.client as u8);
        let arg = PutRightsArg { request, rights };
        self.asked(grant(), arg, told, Op::PutRights)
    }

    pub fn put_ok(&mut self, rights: Terms) -> &mut Self {
        let version = rights.version;
        let stored = stored(version, true);
        self.put(rights, stored)
    }

    pub fn ack(&mut self, version: u64, told: Told<RightsStored>) -> &mut Self {
        let request = id(self.client as u8);
        let arg = AckArg { request, version };
        self.asked(grant(), arg, told, Op::Acknowledge)
    }

    pub fn delivered(&mut self, rights: Terms, stream: u64, sequence: u64) -> &mut Self {
        let out = Some(DeliveredBy {
            sequence,
            genuine: true,
            stream,
        });
        self.add(grant(), true, Op::Delivered(Operation { arg: rights, out }))
    }

    pub fn debit(&mut self, request: u8, told: Told<Debited>) -> &mut Self {
        self.debit_with(request, request, true, told)
    }

    pub fn debit_with(
        &mut self,
        request: u8,
        statement: u8,
        genuine: bool,
        told: Told<Debited>,
    ) -> &mut Self {
        let arg = DebitArg {
            request: id(request),
            device: key(102),
            statement: hash(statement),
            genuine,
        };
        self.asked(grant(), arg, told, Op::Debit)
    }

    pub fn release(&mut self, request: u8, node: u64, told: Told<()>) -> &mut Self {
        self.release_with((request, request), node, true, told)
    }

    pub fn release_with(
        &mut self,
        (request, statement): (u8, u8),
        node: u64,
        opens: bool,
        told: Told<()>,
    ) -> &mut Self {
        let arg = ReleaseArg {
            request: id(request),
            node: NodeId(node),
            statement: hash(statement),
            index: 1,
        };
        let part = Released {
            deal: 1,
            x: node as u8,
            opens,
        };
        let told = match told {
            Told::Ok(()) => Told::Ok(part),
            Refused(code) => Refused(code),
            Unknown => Unknown,
        };
        self.asked(grant(), arg, told, Op::Release)
    }

    pub fn usage(&mut self, usage: Usage) -> &mut Self {
        let arg = ReadArg { node: NodeId(1) };
        self.asked(grant(), arg, Told::Ok(usage), Op::Usage)
    }

    pub fn log(&mut self, requests: &[u8]) -> &mut Self {
        let views = requests
            .iter()
            .zip(1..)
            .map(|(&request, number)| ViewTaken {
                number,
                at: Millis(2_000_000 + u64::from(number)),
                device: key(102),
                request: id(request),
            });
        let log = LogRead {
            views: views.collect(),
        };
        let arg = ReadArg { node: NodeId(1) };
        self.asked(grant(), arg, Told::Ok(log), Op::Log)
    }

    pub fn place(&mut self, job: &str, leader: u64, term: u64) -> &mut Self {
        let arg = PlaceArg {
            node: NodeId(1),
            client: key(1),
            input: hash(1),
            size: 100,
            exclude: Vec::new(),
        };
        let placed = Placed {
            worker: NodeId(2),
            leader: NodeId(leader),
            term,
            ticket: hash(9),
        };
        let key = Key(format!("job/{job}"));
        self.asked(key, arg, Told::Ok(placed), Op::Place)
    }

    pub fn run(&mut self, job: &str, tamper: Tamper, told: Told<Hash>) -> &mut Self {
        let arg = RunArg {
            worker: NodeId(2),
            ticket: hash(9),
            input: hash(1),
            term: 1,
            tamper,
        };
        self.asked(Key(format!("job/{job}")), arg, told, Op::Run)
    }

    pub fn end_job(&mut self, job: &str, end: JobEnd) -> &mut Self {
        let (arg, out) = ((), Some(end));
        let key = Key(format!("job/{job}"));
        self.add(key, true, Op::EndJob(Operation { arg, out }))
    }

    pub fn observe(&mut self, node: u64, observed: Observed) -> &mut Self {
        let (arg, out) = ((), Some(observed));
        self.add(
            Key::node(NodeId(node)),
            true,
            Op::Observe(Operation { arg, out }),
        )
    }

    pub fn fault(&mut self, kind: &str, bit: bool) -> &mut Self {
        let arg = FaultArg {
            kind: kind.to_owned(),
            on: "node 1".to_owned(),
        };
        let seen = "it was looked for".to_owned();
        let out = Some(Struck { bit, seen });
        self.add(Key(String::new()), true, Op::Fault(Operation { arg, out }))
    }

    pub fn heal(&mut self) -> &mut Self {
        let (arg, out) = ((), Some(Happened {}));
        self.add(Key(String::new()), true, Op::Healed(Operation { arg, out }))
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

pub(super) fn charged(number: u32, left: u32) -> Told<Debited> {
    Told::Ok(Debited {
        number,
        used: number,
        left,
        index: 100 + u64::from(number),
    })
}

pub(super) fn stored(version: u64, in_mailbox: bool) -> Told<RightsStored> {
    Told::Ok(RightsStored {
        version,
        in_mailbox,
    })
}

/// What is read of a grant.
pub(super) fn usage(rights: &Terms, used: u32, acknowledged: u64) -> Usage {
    Usage {
        version: rights.version,
        statement: rights.statement,
        permitted: rights.permitted,
        used,
        left: if rights.revoked {
            0
        } else {
            rights.permitted.saturating_sub(used)
        },
        revoked: rights.revoked,
        acknowledged,
        in_mailbox: acknowledged < rights.version,
    }
}

/// What a node says of itself.
pub(super) fn observed(start: u64, term: u64, leader: u64, applied: u64) -> Observed {
    Observed {
        start,
        term,
        leader: Some(NodeId(leader)),
        leads: None,
        committed: applied,
        applied,
        state: Some((applied, hash(applied as u8))),
        log: Vec::new(),
    }
}
