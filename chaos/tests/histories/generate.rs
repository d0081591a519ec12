//! Histories made by clients that run at once against the reference, from a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cameo_chaos::history::{
    AckArg, Answer, Begin, CreateArg, DebitArg, FORMAT, Happened, History, Key, LogRead, Micros,
    Op, Operation, PutRightsArg, ReadArg, ReleaseArg, Released, Row, Terms, ViewTaken,
};
use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stateright::semantics::SequentialSpec as _;

use super::reference::{Bug, Reference, Ret, debited};

/// What is generated.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub grants: u64,
    pub operations: u64,
    /// At once, on each grant.
    pub clients: u64,
    /// One version in so many revokes.
    pub revokes: u64,
    /// Outcomes that are unknown, of a hundred.
    pub unknown: u32,
    /// An operation whose outcome is unknown takes effect up to so many microseconds later than one
    /// that is answered, if at all. Those last 80 at most.
    pub late: u64,
}

impl Size {
    /// One answer in ten is missing, effects come late, many clients race with raises and
    /// revocations.
    pub const fn hard(self) -> Self {
        Self {
            clients: 16,
            revokes: 3,
            unknown: 10,
            late: 2_000,
            ..self
        }
    }
}

/// A history of grants.
pub fn history(seed: u64, size: Size, bug: Option<Bug>) -> History {
    let mut rows = vec![begin(seed)];
    for grant in 0..size.grants {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(grant);
        let mut world = World::new(seed, grant, size, bug);
        rows.extend(world.run());
    }
    rows.sort_by_key(|row| row.ret.unwrap_or(row.call));
    History { rows }
}

fn begin(seed: u64) -> Row {
    let arg = Begin {
        format: FORMAT,
        target: "sim".to_owned(),
        seed,
        nodes: 3,
        started: Millis(1_000),
        workloads: vec!["ledger".to_owned()],
        command: "generated".to_owned(),
        liars: Vec::new(),
    };
    let out = Some(Happened {});
    Row {
        client: 0,
        key: Key(String::new()),
        op: Op::Begin(Operation { arg, out }),
        call: Micros(0),
        ret: Some(Micros(0)),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// An operation takes effect.
    Effect(usize),
    /// A client begins its next.
    Begin(u64),
}

struct World {
    rng: StdRng,
    grant: u64,
    size: Size,
    state: Reference,
    /// Earlier states, for reads that are behind.
    past: Vec<Reference>,
    rows: Vec<Row>,
    /// Requests by number, each with its statement.
    requests: u8,
    versions: u64,
    next_client: u64,
}

impl World {
    fn new(seed: u64, grant: u64, size: Size, bug: Option<Bug>) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            grant,
            size,
            state: Reference::with(bug),
            past: Vec::new(),
            rows: Vec::new(),
            requests: 0,
            versions: 1,
            next_client: 1 + grant * 1_000_000,
        }
    }

    fn run(&mut self) -> Vec<Row> {
        let mut turns = BinaryHeap::new();
        self.create();
        for _ in 0..self.size.clients {
            let client = self.client();
            turns.push(Reverse((
                100 + self.rng.random_range(0..50),
                Turn::Begin(client),
            )));
        }
        while let Some(Reverse((now, turn))) = turns.pop() {
            match turn {
                Turn::Effect(row) => self.effect(row),
                Turn::Begin(_) if self.rows.len() as u64 > self.size.operations => {}
                Turn::Begin(client) => self.begin(client, now, &mut turns),
            }
        }
        std::mem::take(&mut self.rows)
    }

    fn client(&mut self) -> u64 {
        self.next_client += 1;
        self.next_client
    }

    fn create(&mut self) {
        let arg = CreateArg {
            request: self.id(0, 9),
            owner: PublicKey([1; 32]),
            viewer: PublicKey([2; 32]),
            rights: terms(self.grant, 1, 6, false),
        };
        let client = self.client();
        self.rows.push(Row {
            client,
            key: self.key(),
            op: Op::Create(Operation { arg, out: None }),
            call: Micros(1),
            ret: Some(Micros(2)),
        });
        self.effect(0);
    }

    fn key(&self) -> Key {
        Key(format!("grant/{}", self.grant))
    }

    /// A request id, of a kind of command.
    fn id(&self, number: u64, kind: u8) -> RequestId {
        let mut id = [kind; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        id[8] = self.grant as u8;
        RequestId(id)
    }

    fn begin(&mut self, client: u64, now: u64, turns: &mut BinaryHeap<Reverse<(u64, Turn)>>) {
        let op = self.choose();
        let effect = now + self.rng.random_range(1..40);
        let ret = effect + self.rng.random_range(1..40);
        let lost = self.rng.random_range(0..100) < self.size.unknown;
        let never = lost && self.rng.random_range(0..2) == 0;
        let late = if lost {
            self.rng.random_range(0..self.size.late)
        } else {
            0
        };
        let row = self.rows.len();
        self.rows.push(Row {
            client,
            key: self.key(),
            op,
            call: Micros(now),
            ret: (!lost).then_some(Micros(ret)),
        });
        if !never {
            turns.push(Reverse((effect + late, Turn::Effect(row))));
        }
        let goes_on = if lost { self.client() } else { client };
        let pause = self.rng.random_range(1..30);
        turns.push(Reverse((ret + pause, Turn::Begin(goes_on))));
    }

    fn choose(&mut self) -> Op {
        let number = u64::from(self.rng.random_range(0..=self.requests));
        let read = ReadArg { node: NodeId(1) };
        match self.rng.random_range(0..100) {
            0..25 => {
                self.requests = self.requests.saturating_add(1);
                let number = u64::from(self.requests);
                self.debit(number, number, true)
            }
            25..37 => self.debit(number, number, true),
            37..39 => self.debit(number, number + 1_000, true),
            39..41 => self.debit(number + 5_000, number, false),
            41..60 => {
                let arg = ReleaseArg {
                    request: self.id(number, 1),
                    node: NodeId(1 + number % 3),
                    statement: statement(number),
                    index: 1,
                };
                Op::Release(Operation { arg, out: None })
            }
            60..80 => Op::Usage(Operation {
                arg: read,
                out: None,
            }),
            80..85 => Op::Log(Operation {
                arg: read,
                out: None,
            }),
            85..94 => self.put(),
            _ => {
                let version = self.rng.random_range(1..=self.versions);
                let arg = AckArg {
                    request: RequestId(self.rng.random()),
                    version,
                };
                Op::Acknowledge(Operation { arg, out: None })
            }
        }
    }

    fn debit(&self, number: u64, signed: u64, genuine: bool) -> Op {
        let arg = DebitArg {
            request: self.id(number, 1),
            device: PublicKey([3; 32]),
            statement: statement(signed),
            genuine,
        };
        Op::Debit(Operation { arg, out: None })
    }

    fn put(&mut self) -> Op {
        let old = self.rng.random_range(0..4) == 0;
        if !old {
            self.versions += 1;
        }
        let version = match old {
            true => self.rng.random_range(1..=self.versions),
            false => self.versions,
        };
        // The same version has the same bytes, and comes as the same command or as another one.
        let used = self.state.views().len() as u32;
        let permitted = 2 + used + (version % 5) as u32;
        let known = self.rows.iter().find_map(|row| match &row.op {
            Op::PutRights(op) if op.arg.rights.version == version => Some(op.arg.clone()),
            _ => None,
        });
        let fresh = self.rng.random();
        let known = known.map(|known| match self.rng.random_range(0..2) {
            0 => known,
            _ => PutRightsArg {
                request: RequestId(fresh),
                ..known
            },
        });
        let arg = known.unwrap_or_else(|| PutRightsArg {
            request: self.id(version, 2),
            rights: terms(
                self.grant,
                version,
                permitted,
                version % self.size.revokes == self.size.revokes - 1,
            ),
        });
        Op::PutRights(Operation { arg, out: None })
    }

    fn effect(&mut self, row: usize) {
        let bug = self.state.bug;
        self.past.push(self.state.clone());
        if bug == Some(Bug::LosesWrites) && self.rng.random_range(0..25) == 0 {
            let back = self.past.len().saturating_sub(self.rng.random_range(1..5));
            self.state = self.past[back.min(self.past.len() - 1)].clone();
        }
        if self.past.len() > 16 {
            self.past.remove(0);
        }
        let mut op = self.rows[row].op.clone();
        let is_read = matches!(op, Op::Usage(_) | Op::Log(_) | Op::Release(_));
        let stale = bug == Some(Bug::StaleRead) && is_read && self.rng.random_range(0..4) == 0;
        let ret = match self.past.first_mut().filter(|_| stale) {
            Some(past) => past.invoke(&op),
            None => self.state.invoke(&op),
        };
        if self.rows[row].ret.is_some() {
            write(&mut op, ret, self.grant);
            self.rows[row].op = op;
        }
    }
}

fn statement(number: u64) -> Hash {
    Hash::of(&number.to_le_bytes())
}

fn terms(grant: u64, version: u64, permitted: u32, revoked: bool) -> Terms {
    Terms {
        version,
        permitted,
        revoked,
        expires: None,
        statement: Hash::of(format!("{grant} {version}").as_bytes()),
    }
}

fn map<T, U>(answer: Answer<T>, of: impl FnOnce(T) -> U) -> Answer<U> {
    match answer {
        Answer::Ok(result) => Answer::Ok(of(result)),
        Answer::Refused(code) => Answer::Refused(code),
    }
}

/// Puts an answer into its row.
fn write(op: &mut Op, ret: Ret, grant: u64) {
    match (op, ret) {
        (Op::Create(op), Ret::Done(answer)) => op.out = Some(answer),
        (Op::Debit(op), Ret::Debited(answer)) => {
            op.out = Some(map(answer, |charged| debited(charged, grant)));
        }
        (Op::Release(op), Ret::Done(answer)) => {
            op.out = Some(map(answer, |()| Released {
                deal: 1,
                x: 1,
                opens: true,
            }));
        }
        (Op::Usage(op), Ret::Usage(answer)) => op.out = Some(answer),
        (Op::Log(op), Ret::Log(answer)) => {
            let taken = |((request, statement), number): ((RequestId, Hash), u32)| ViewTaken {
                number,
                at: Millis(2_000 + u64::from(number)),
                device: PublicKey([3; 32]),
                request,
                statement,
                proved: true,
            };
            let views = |views: Vec<_>| views.into_iter().zip(1..).map(taken);
            op.out = Some(map(answer, |requests| LogRead {
                views: views(requests).collect(),
            }));
        }
        (Op::PutRights(op), Ret::Stored(answer)) => op.out = Some(answer),
        (Op::Acknowledge(op), Ret::Stored(answer)) => op.out = Some(answer),
        (op, ret) => unreachable!("{ret:?} is no answer to {op:?}"),
    }
}
