//! The same histories judged by `stateright`'s tester, against the reference, and by ours, against
//! our models: the answers have to be the same.

use std::time::{Duration, Instant};

use cameo_chaos::export::{EventKind, Process, events};
use cameo_chaos::history::{
    Answer, Found, History, Key, LookUpArg, Micros, Op, Operation, RegisterArg, Row,
};
use cameo_chaos::laws::{Object, objects};
use cameo_chaos::linearizable::{Linearized, check};
use cameo_chaos::specification::grant::Grant;
use cameo_common::api::ErrorCode;
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::PublicKey;
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester};

use super::generate::{Size, history};
use super::recorded::changed;
use super::reference::{Bug, Reference, answer_in};

const WITHIN: Duration = Duration::from_secs(60);

/// Whether our checker accepts all objects of a history.
pub fn ours(history: &History) -> bool {
    let all = objects(history);
    assert!(!all.is_empty());
    all.iter().all(
        |(key, object, _)| match object.check(Instant::now() + WITHIN) {
            Linearized::Yes(_) => true,
            Linearized::No(_) => false,
            Linearized::OutOfTime => panic!("{key:?} was not judged in time"),
        },
    )
}

/// Whether the other one accepts the only object of a history.
pub fn theirs(history: &History) -> bool {
    let started = history.rows.iter().find_map(|row| match &row.op {
        Op::Begin(op) => Some(op.arg.started),
        _ => None,
    });
    let mut reference = Reference::with(None);
    reference.started = started.unwrap_or(reference.started);
    let mut tester = LinearizabilityTester::new(reference);
    for event in events(history) {
        let Process::Client(client) = event.process else {
            continue;
        };
        let op = &history.rows[event.row].op;
        if !is_of_an_object(op) {
            continue;
        }
        if event.kind == EventKind::Invoke {
            tester.on_invoke(client, op.clone()).unwrap();
        } else if let Some(answer) = answer_in(op) {
            tester.on_return(client, answer).unwrap();
        }
    }
    tester.is_consistent()
}

/// Sessions are of no object: neither checker looks at them.
fn is_of_an_object(op: &Op) -> bool {
    !matches!(
        op,
        Op::StartSession(_) | Op::KeepAlive(_) | Op::EndSession(_) | Op::ReportOffline(_)
    )
}

const SMALL: Size = Size {
    grants: 1,
    operations: 22,
    clients: 3,
    revokes: 4,
    unknown: 4,
    late: 400,
};

#[test]
fn both_accept_what_the_reference_did() {
    for seed in 0..30 {
        let history = history(seed, SMALL, None);
        assert!(ours(&history), "seed {seed}: ours");
        assert!(theirs(&history), "seed {seed}: theirs");
    }
}

#[test]
fn both_answer_the_same_to_what_a_faulty_reference_did() {
    let mut refused = 0;
    for bug in Bug::ALL {
        let mut of_bug = 0;
        for seed in 100..125 {
            let history = history(seed, SMALL, Some(bug));
            let ours = ours(&history);
            assert_eq!(ours, theirs(&history), "seed {seed}, {bug:?}: {history:#?}");
            of_bug += u32::from(!ours);
        }
        println!("{bug:?}: {of_bug} of 25 refused by both");
        assert!(of_bug > 0, "{bug:?} was never seen");
        refused += of_bug;
    }
    assert!(refused >= 20);
}

/// Of the kind that is hardest to judge: one answer in five is missing, and effects come late.
const RACING: Size = Size {
    operations: 13,
    clients: 4,
    unknown: 20,
    ..SMALL.hard()
};

#[test]
fn both_accept_what_the_reference_did_with_many_outcomes_unknown() {
    let mut unknown = 0;
    for seed in 200..280 {
        let history = history(seed, RACING, None);
        unknown += history.rows.iter().filter(|row| row.ret.is_none()).count();
        assert!(ours(&history), "seed {seed}: ours");
        assert!(theirs(&history), "seed {seed}: theirs");
    }
    println!("80 histories with {unknown} outcomes unknown");
    assert!(unknown >= 80);
}

#[test]
fn both_answer_the_same_when_one_answer_among_unknown_ones_is_changed() {
    let (mut refused, mut accepted) = (0, 0);
    for seed in 300..312 {
        let good = history(seed, RACING, None);
        for place in 0..good.rows.len() {
            let Some(row) = changed(&good.rows[place]) else {
                continue;
            };
            let mut other = good.clone();
            other.rows[place] = row;
            let ours = ours(&other);
            let theirs = theirs(&other);
            assert_eq!(ours, theirs, "seed {seed}, row {place}: {other:#?}");
            if ours {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    println!("{refused} changed histories refused by both, {accepted} accepted by both");
    assert!(refused >= 20 && accepted > 0);
}

/// What a history tells of its views only shortens the search.
#[test]
fn what_is_told_of_views_changes_no_answer() {
    let size = Size {
        operations: 60,
        clients: 6,
        ..RACING
    };
    let mut refused = 0;
    for seed in 400..440 {
        let good = history(seed, size, None);
        let bad = (0..good.rows.len()).step_by(3).filter_map(|place| {
            let mut other = good.clone();
            other.rows[place] = changed(&good.rows[place])?;
            Some(other)
        });
        for history in [good.clone()].into_iter().chain(bad) {
            for (key, object, _) in objects(&history) {
                let Object::Grant(_, calls) = &object else {
                    continue;
                };
                let until = Instant::now() + WITHIN;
                let without = check(&Grant::default(), calls, until);
                let with = object.check(until);
                assert!(!matches!(without, Linearized::OutOfTime), "seed {seed}");
                let accepted = matches!(with, Linearized::Yes(_));
                let expected = matches!(without, Linearized::Yes(_));
                assert_eq!(accepted, expected, "seed {seed}, {key:?}: {history:#?}");
                refused += u32::from(!accepted);
            }
        }
    }
    assert!(refused >= 100, "{refused}");
}

/// A history of one name: each operation with its call and return, 0 for none.
fn name(operations: &[(u64, u64, NameOp)]) -> History {
    let mut rows = Vec::new();
    for (&(call, ret, op), client) in operations.iter().zip(1..) {
        let arg = RegisterArg {
            request: RequestId([client as u8; 16]),
            owner: PublicKey([0; 32]),
            device: PublicKey([9; 32]),
        };
        let known = ret > 0;
        let op = match op {
            NameOp::Register(owner, code) => Op::Register(Operation {
                arg: RegisterArg {
                    owner: PublicKey([owner; 32]),
                    ..arg
                },
                out: known.then_some(match code {
                    Some(code) => Answer::Refused(code),
                    None => Answer::Ok(()),
                }),
            }),
            NameOp::LookUp(owner) => Op::LookUp(Operation {
                arg: LookUpArg { node: NodeId(1) },
                out: known.then_some(Answer::Ok(owner.map(|owner| Found {
                    owner: PublicKey([owner; 32]),
                    online: None,
                    epoch: None,
                }))),
            }),
        };
        rows.push(Row {
            client,
            key: Key::user("ada"),
            op,
            call: Micros(call),
            ret: known.then_some(Micros(ret)),
        });
    }
    History { rows }
}

#[derive(Debug, Clone, Copy)]
enum NameOp {
    Register(u8, Option<ErrorCode>),
    LookUp(Option<u8>),
}

/// Call, return and what was done.
type TimedOp = (u64, u64, NameOp);

#[test]
fn both_answer_the_same_to_names_by_hand() {
    use NameOp::{LookUp, Register};
    let taken = Some(ErrorCode::NameTaken);
    let cases: [(bool, &[TimedOp]); 12] = [
        (true, &[(1, 2, LookUp(None))]),
        (true, &[(1, 2, Register(1, None)), (3, 4, LookUp(Some(1)))]),
        (false, &[(1, 2, Register(1, None)), (3, 4, LookUp(None))]),
        (false, &[(1, 2, LookUp(Some(1))), (3, 4, Register(1, None))]),
        (
            true,
            &[
                (1, 9, Register(1, None)),
                (3, 4, LookUp(None)),
                (5, 6, LookUp(Some(1))),
            ],
        ),
        (
            false,
            &[
                (1, 9, Register(1, None)),
                (3, 4, LookUp(Some(1))),
                (5, 6, LookUp(None)),
            ],
        ),
        (
            true,
            &[(1, 2, Register(1, None)), (3, 4, Register(2, taken))],
        ),
        (
            false,
            &[(1, 2, Register(1, None)), (3, 4, Register(2, None))],
        ),
        (false, &[(1, 2, Register(1, taken))]),
        (
            true,
            &[
                (1, 0, Register(1, None)),
                (3, 4, Register(2, None)),
                (5, 6, LookUp(Some(2))),
            ],
        ),
        (
            true,
            &[
                (1, 0, Register(1, None)),
                (3, 4, LookUp(None)),
                (5, 6, Register(2, taken)),
            ],
        ),
        (
            false,
            &[
                (1, 0, Register(1, None)),
                (3, 4, LookUp(Some(1))),
                (5, 6, Register(2, None)),
            ],
        ),
    ];
    for (number, (expected, operations)) in cases.iter().enumerate() {
        let history = name(operations);
        assert_eq!(ours(&history), *expected, "case {number}: ours");
        assert_eq!(theirs(&history), *expected, "case {number}: theirs");
    }
}
