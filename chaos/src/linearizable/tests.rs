//! The search on a register, by hand and against a search without any cleverness.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Call, Linearized, Specification, Step, Stuck, check};

/// A register that begins with 0.
struct Register;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Write(u8),
    Read(u8),
}

impl Specification for Register {
    type State = u8;
    type Op = Op;

    fn initial(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, op: &Op) -> Step<u8> {
        match *op {
            // Never `Same`: later it would change something.
            Op::Write(value) => Step::Changed(value),
            Op::Read(value) if value == *state => Step::Same,
            Op::Read(_) => Step::Impossible,
        }
    }
}

/// The highest number written: it knows what can never be.
struct Highest;

impl Specification for Highest {
    type State = u8;
    type Op = Op;

    fn initial(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, op: &Op) -> Step<u8> {
        match *op {
            Op::Write(value) if value > *state => Step::Changed(value),
            Op::Write(_) => Step::Same,
            Op::Read(value) if value == *state => Step::Same,
            Op::Read(value) if value < *state => Step::Never,
            Op::Read(_) => Step::Impossible,
        }
    }
}

fn call(client: u64, op: Op, call: u64, ret: u64) -> Call<Op> {
    let ret = (ret > 0).then_some(ret);
    Call {
        client,
        call,
        ret,
        op,
    }
}

fn checked(calls: &[Call<Op>]) -> Linearized {
    check(&Register, calls, Instant::now() + Duration::from_secs(60))
}

#[test]
fn a_read_sees_the_write_before_it() {
    let write = call(1, Op::Write(1), 0, 10);
    let good = [write.clone(), call(2, Op::Read(1), 20, 30)];
    assert_eq!(checked(&good), Linearized::Yes(vec![0, 1]));

    let stale = [write, call(2, Op::Read(0), 20, 30)];
    let stuck = Stuck {
        op: 1,
        beside: vec![],
        state: "1".to_owned(),
    };
    assert_eq!(checked(&stale), Linearized::No(stuck));
}

#[test]
fn concurrent_reads_may_see_either_but_not_turn_back() {
    let write = call(1, Op::Write(1), 0, 100);
    let old_then_new = [
        write.clone(),
        call(2, Op::Read(0), 10, 20),
        call(2, Op::Read(1), 30, 40),
    ];
    assert!(matches!(checked(&old_then_new), Linearized::Yes(_)));
    let new_then_old = [
        write,
        call(2, Op::Read(1), 10, 20),
        call(2, Op::Read(0), 30, 40),
    ];
    assert!(matches!(checked(&new_then_old), Linearized::No(_)));
}

#[test]
fn an_unknown_write_takes_effect_late_or_never() {
    let unknown = call(1, Op::Write(1), 0, 0);
    let never = [unknown.clone(), call(2, Op::Read(0), 500, 600)];
    assert!(matches!(checked(&never), Linearized::Yes(_)));
    let late = [
        unknown.clone(),
        call(2, Op::Read(0), 500, 600),
        call(2, Op::Read(1), 700, 800),
    ];
    assert!(matches!(checked(&late), Linearized::Yes(_)));
    let and_back = [
        unknown,
        call(2, Op::Read(1), 500, 600),
        call(2, Op::Read(0), 700, 800),
    ];
    assert!(matches!(checked(&and_back), Linearized::No(_)));
}

#[test]
fn an_unknown_write_does_not_take_effect_before_its_call() {
    let early = [call(2, Op::Read(1), 10, 20), call(1, Op::Write(1), 30, 0)];
    assert!(matches!(checked(&early), Linearized::No(_)));
}

#[test]
fn operations_that_touch_are_concurrent_unless_one_client_made_both() {
    let two_clients = [call(1, Op::Write(1), 0, 10), call(2, Op::Read(0), 10, 20)];
    assert!(matches!(checked(&two_clients), Linearized::Yes(_)));
    let one_client = [call(1, Op::Write(1), 0, 10), call(1, Op::Read(0), 10, 20)];
    assert!(matches!(checked(&one_client), Linearized::No(_)));
}

#[test]
fn without_time_nothing_is_claimed() {
    // Two hundred writes at once, and a read that none of them explains.
    let mut calls: Vec<_> = (0..200)
        .map(|n| call(n, Op::Write((n % 100) as u8 + 1), 0, 1000))
        .collect();
    calls.push(call(999, Op::Read(255), 0, 1000));
    assert_eq!(
        check(&Register, &calls, Instant::now()),
        Linearized::OutOfTime
    );
}

/// Whether some order exists: all of them are tried.
fn slow<S>(of: &S, calls: &[Call<Op>], placed: &mut Vec<usize>, state: u8) -> bool
where
    S: Specification<State = u8, Op = Op>,
{
    let out = |at: &usize| !placed.contains(at);
    let open: Vec<usize> = (0..calls.len()).filter(out).collect();
    if open.iter().all(|&at| calls[at].ret.is_none()) {
        return true;
    }
    let first = |at: usize| {
        open.iter()
            .all(|&other| calls[other].ret.unwrap_or(u64::MAX) >= calls[at].call)
    };
    for &at in open.iter().filter(|&&at| first(at)) {
        let after = match of.step(&state, &calls[at].op) {
            Step::Impossible | Step::Never => continue,
            Step::Same => state,
            Step::Changed(after) => after,
        };
        placed.push(at);
        if slow(of, calls, placed, after) {
            return true;
        }
        placed.pop();
    }
    false
}

prop_compose! {
    fn any_call()(
        begin in 0..30u64,
        lasts in 1..12u64,
        known in prop::bool::weighted(0.8),
        write in any::<bool>(),
        value in 0..3u8,
    ) -> Call<Op> {
        let op = if write { Op::Write(value) } else { Op::Read(value) };
        call(0, op, begin, if known { begin + lasts } else { 0 })
    }
}

/// Each by a client of its own.
fn any_calls(most: usize) -> impl Strategy<Value = Vec<Call<Op>>> {
    prop::collection::vec(any_call(), 0..most).prop_map(|mut calls| {
        for (call, client) in calls.iter_mut().zip(0..) {
            call.client = client;
        }
        calls
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn it_agrees_with_a_search_that_tries_everything(
        calls in any_calls(8),
    ) {
        let expected = slow(&Register, &calls, &mut Vec::new(), 0);
        let found = checked(&calls);
        prop_assert_eq!(matches!(found, Linearized::Yes(_)), expected, "{:?}", found);
        prop_assert!(!matches!(found, Linearized::OutOfTime));
    }

    #[test]
    fn it_agrees_where_answers_can_be_ruled_out_for_ever(calls in any_calls(8)) {
        let expected = slow(&Highest, &calls, &mut Vec::new(), 0);
        let found = check(&Highest, &calls, Instant::now() + Duration::from_secs(60));
        prop_assert_eq!(matches!(found, Linearized::Yes(_)), expected, "{:?}", found);
        prop_assert!(!matches!(found, Linearized::OutOfTime));
    }

    #[test]
    fn what_it_finds_is_an_order(calls in any_calls(12)) {
        let Linearized::Yes(order) = checked(&calls) else { return Ok(()) };
        let mut state = 0;
        for (place, &at) in order.iter().enumerate() {
            for &later in &order[place..] {
                prop_assert!(calls[later].ret.is_none_or(|ret| ret >= calls[at].call));
            }
            state = match Register.step(&state, &calls[at].op) {
                Step::Impossible | Step::Never => {
                    return Err(TestCaseError::fail("impossible step"));
                }
                Step::Same => state,
                Step::Changed(after) => after,
            };
        }
        let ended = (0..calls.len()).filter(|&at| calls[at].ret.is_some());
        prop_assert!(ended.into_iter().all(|at| order.contains(&at)));
    }
}
