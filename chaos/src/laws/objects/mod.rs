//! The histories of the objects that have a specification: one for each name and each grant.

mod builder;
mod grant;
mod numbers;
mod told;

use std::collections::HashMap;
use std::time::Instant;

use cameo_common::api::ErrorCode;
use cameo_common::keys::PublicKey;

use super::facts::{At, Facts, UserFacts};
use super::found::Found;
use crate::history::{self, Answer, History, Key};
use crate::linearizable::{Call, Linearized, Specification, Stuck, check};
use crate::specification::grant::{Grant, GrantOp};
use crate::specification::name::{Name, NameOp};
use builder::Builder;

/// The operations on one object, and their rows.
#[derive(Debug)]
pub enum Object {
    Name(Vec<Call<NameOp>>),
    Grant(Grant, Vec<Call<GrantOp>>),
}

impl Object {
    /// Checks the object against its specification.
    #[must_use]
    pub fn check(&self, until: Instant) -> Linearized {
        match self {
            Self::Name(calls) => check(&Name, calls, until),
            Self::Grant(grant, calls) => check(grant, calls, until),
        }
    }
}

/// All objects of a history with their keys, each with the rows of its operations.
#[must_use]
pub fn objects(history: &History) -> Vec<(Key, Object, Vec<usize>)> {
    let facts = Facts::of(history);
    let names = names(&facts).map(|of| (of.key.clone(), Object::Name(of.calls), of.rows));
    let grants = grants(&facts).map(|of| {
        let object = Object::Grant(of.specification, of.calls);
        (of.key.clone(), object, of.rows)
    });
    names.chain(grants).collect()
}

/// What one object has to be judged by.
pub(super) struct Calls<'a, S: Specification> {
    pub key: &'a Key,
    pub specification: S,
    pub calls: Vec<Call<S::Op>>,
    pub rows: Vec<usize>,
}

/// Checks one object, and says where it fails.
pub(super) fn judge_object<S: Specification>(of: &Calls<'_, S>, until: Instant, found: &mut Found) {
    let Calls {
        key, calls, rows, ..
    } = of;
    found.checked += calls.len() as u64;
    match check(&of.specification, calls, until) {
        Linearized::Yes(_) => {}
        Linearized::OutOfTime => found.unknown(
            Some(key),
            format!("no order was found in time, of {} operations", calls.len()),
        ),
        Linearized::No(Stuck { op, beside, state }) => {
            let shown = [op].into_iter().chain(beside);
            let sentence = format!(
                "no order explains row {} ({:?}); it was tried last in the state {state}",
                rows[op] + 1,
                calls[op].op
            );
            found.invalid(Some(key), shown.map(|at| rows[at]), sentence);
        }
    }
}

pub(super) fn names<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Calls<'a, Name>> {
    let mut names_of: HashMap<PublicKey, Vec<&Key>> = HashMap::new();
    for (key, user) in &facts.users {
        for at in &user.registers {
            let known = names_of.entry(at.arg.owner).or_default();
            if !known.contains(key) {
                known.push(key);
            }
        }
    }
    facts.users.iter().map(move |(key, user)| {
        let (calls, rows) = name(user, |owner| names_of[owner].len() > 1);
        Calls {
            key,
            specification: Name,
            calls,
            rows,
        }
    })
}

fn name(
    user: &UserFacts<'_>,
    has_other_names: impl Fn(&PublicKey) -> bool,
) -> (Vec<Call<NameOp>>, Vec<usize>) {
    let mut calls = Builder::default();
    for at in &user.registers {
        calls.add(
            at,
            NameOp::Register {
                owner: at.arg.owner,
                answer: answer(at, |()| ()),
                has_other_names: has_other_names(&at.arg.owner),
            },
        );
    }
    for at in &user.look_ups {
        let owner = |found: &Option<history::Found>| found.as_ref().map(|found| found.owner);
        if let Some(answer) = answer(at, owner) {
            calls.add(at, NameOp::LookUp(answer));
        }
    }
    calls.done()
}

pub(super) fn grants<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Calls<'a, Grant>> {
    let started = facts.started();
    let grants = facts.grants.iter();
    grants.map(move |(key, of)| grant::calls(key, of, started))
}

/// The answer; None when it is unknown.
pub(super) fn answer<A, T, U>(
    at: &At<'_, A, Answer<T>>,
    of: impl FnOnce(&T) -> U,
) -> Option<Result<U, ErrorCode>> {
    match (at.acked(), at.refused()) {
        (Some(ok), _) => Some(Ok(of(ok))),
        (None, Some(code)) => Some(Err(code)),
        (None, None) => None,
    }
}
