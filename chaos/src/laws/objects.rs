//! The histories of the objects that have a specification: one for each name and each grant.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use cameo_common::ids::{Millis, RequestId};
use cameo_common::keys::PublicKey;

use super::facts::{At, Facts, GrantFacts, UserFacts, micros};
use super::found::Found;
use crate::history::{self, Answer, History, Key};
use crate::linearizable::{Call, Linearized, Specification, Stuck, check};
use crate::specification::grant::{self, Charged, Grant, GrantOp, Stored};
use crate::specification::name::{Name, NameOp};

/// Resuming a view ends this long after its debit, by the log's time. Clocks that are wrong may end
/// it sooner, so a release this much sooner may be refused already.
const RESUME: std::time::Duration = std::time::Duration::from_secs(10 * 60);
const RESUME_SLACK: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// The operations on one object, and their rows.
#[derive(Debug)]
pub enum Object {
    Name(Vec<Call<NameOp>>),
    Grant(Vec<Call<GrantOp>>),
}

impl Object {
    /// Checks the object against its specification.
    #[must_use]
    pub fn check(&self, until: Instant) -> Linearized {
        match self {
            Self::Name(calls) => check(&Name, calls, until),
            Self::Grant(calls) => check(&Grant, calls, until),
        }
    }
}

/// All objects of a history with their keys, each with the rows of its operations.
#[must_use]
pub fn objects(history: &History) -> Vec<(Key, Object, Vec<usize>)> {
    let facts = Facts::of(history);
    let names = names(&facts).map(|(key, calls, rows)| (key.clone(), Object::Name(calls), rows));
    let grants = grants(&facts).map(|(key, calls, rows)| (key.clone(), Object::Grant(calls), rows));
    names.chain(grants).collect()
}

/// Checks one object, and says where it fails.
pub(super) fn judge_object<S: Specification>(
    specification: &S,
    (key, calls, rows): &Calls<'_, S::Op>,
    until: Instant,
    found: &mut Found,
) {
    found.checked += calls.len() as u64;
    match check(specification, calls, until) {
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

pub(super) type Calls<'a, Op> = (&'a Key, Vec<Call<Op>>, Vec<usize>);

pub(super) fn names<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Calls<'a, NameOp>> {
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
        (*key, calls, rows)
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

pub(super) fn grants<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Calls<'a, GrantOp>> {
    let started = facts.started();
    facts.grants.iter().map(move |(key, grant)| {
        let (calls, rows) = of_grant(grant, started);
        (*key, calls, rows)
    })
}

fn of_grant(of: &GrantFacts<'_>, started: Millis) -> (Vec<Call<GrantOp>>, Vec<usize>) {
    let mut calls = Builder::default();
    let mut requests = Numbers::default();
    let mut statements = Numbers::default();
    let repeated = repeated(of);
    let mut commands = Numbers::default();
    let mut command = |request: &RequestId| repeated(request).then(|| commands.of(*request));
    for at in &of.creates {
        calls.add(
            at,
            GrantOp::Create {
                request: command(&at.arg.request),
                rights: terms(&at.arg.rights, started),
                answer: answer(at, |()| ()),
            },
        );
    }
    for at in &of.puts {
        calls.add(
            at,
            GrantOp::Put {
                request: command(&at.arg.request),
                rights: terms(&at.arg.rights, started),
                answer: answer(at, stored),
            },
        );
    }
    for at in &of.acks {
        calls.add(
            at,
            GrantOp::Acknowledge {
                request: command(&at.arg.request),
                version: at.arg.version,
                answer: answer(at, stored),
            },
        );
    }
    for at in &of.debits {
        calls.add(
            at,
            GrantOp::Debit {
                request: requests.of(at.arg.request),
                statement: statements.of(at.arg.statement),
                genuine: at.arg.genuine,
                answer: answer(at, charged),
            },
        );
    }
    for at in &of.releases {
        if let Some(answer) = answer(at, |_| ()) {
            calls.add(
                at,
                GrantOp::Release {
                    request: requests.of(at.arg.request),
                    statement: statements.of(at.arg.statement),
                    late: may_be_late(of, at),
                    answer,
                },
            );
        }
    }
    for at in &of.usages {
        if let Some(answer) = answer(at, usage) {
            calls.add(at, GrantOp::Usage(answer));
        }
    }
    for at in &of.logs {
        let mut views = |log: &history::LogRead| {
            let views = log.views.iter();
            views.map(|view| requests.of(view.request)).collect()
        };
        if let Some(answer) = answer(at, &mut views) {
            calls.add(at, GrantOp::Log(answer));
        }
    }
    calls.done()
}

/// Whether the log's time may have passed the end of resuming, by clocks that are wrong.
fn may_be_late(
    of: &GrantFacts<'_>,
    release: &At<'_, history::ReleaseArg, Answer<history::Released>>,
) -> bool {
    let debits = of.debits.iter();
    let first = debits
        .filter(|debit| debit.arg.request == release.arg.request)
        .map(|debit| debit.call)
        .min();
    first.is_some_and(|first| {
        release.end().0.saturating_sub(first.0) >= micros(RESUME - RESUME_SLACK)
    })
}

fn terms(terms: &history::Terms, started: Millis) -> grant::Terms {
    grant::Terms {
        version: terms.version,
        permitted: terms.permitted,
        revoked: terms.revoked,
        expired: terms.expires.is_some_and(|expires| expires <= started),
        statement: terms.statement,
    }
}

fn stored(stored: &history::RightsStored) -> Stored {
    Stored {
        version: stored.version,
        in_mailbox: stored.in_mailbox,
    }
}

fn charged(debited: &history::Debited) -> Charged {
    Charged {
        number: debited.number,
        used: debited.used,
        left: debited.left,
    }
}

fn usage(usage: &history::Usage) -> grant::Usage {
    grant::Usage {
        version: usage.version,
        statement: usage.statement,
        permitted: usage.permitted,
        used: usage.used,
        left: usage.left,
        revoked: usage.revoked,
        acknowledged: usage.acknowledged,
        in_mailbox: usage.in_mailbox,
    }
}

/// The commands that the history has more than once.
fn repeated(of: &GrantFacts<'_>) -> impl Fn(&RequestId) -> bool + use<> {
    let creates = of.creates.iter().map(|at| at.arg.request);
    let puts = of.puts.iter().map(|at| at.arg.request);
    let acks = of.acks.iter().map(|at| at.arg.request);
    let mut times: HashMap<RequestId, u32> = HashMap::new();
    for request in creates.chain(puts).chain(acks) {
        *times.entry(request).or_default() += 1;
    }
    move |request| times.get(request).is_some_and(|times| *times > 1)
}

/// The answer; None when it is unknown.
fn answer<A, T, U>(
    at: &At<'_, A, Answer<T>>,
    of: impl FnOnce(&T) -> U,
) -> Option<grant::Answer<U>> {
    match (at.acked(), at.refused()) {
        (Some(ok), _) => Some(Ok(of(ok))),
        (None, Some(code)) => Some(Err(code)),
        (None, None) => None,
    }
}

#[derive(Debug)]
struct Numbers<T>(HashMap<T, grant::Number>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Numbers<T> {
    fn of(&mut self, item: T) -> grant::Number {
        let next = grant::Number::try_from(self.0.len()).unwrap_or(grant::Number::MAX);
        *self.0.entry(item).or_insert(next)
    }
}

#[derive(Debug)]
struct Builder<Op> {
    calls: Vec<Call<Op>>,
    rows: Vec<usize>,
}

impl<Op> Default for Builder<Op> {
    fn default() -> Self {
        Self {
            calls: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl<Op> Builder<Op> {
    fn add<A, T>(&mut self, at: &At<'_, A, Answer<T>>, op: Op) {
        let known = at.acked().is_some() || at.refused().is_some();
        self.calls.push(Call {
            client: at.client,
            call: at.call.0,
            ret: at.ret.filter(|_| known).map(|ret| ret.0),
            op,
        });
        self.rows.push(at.row);
    }

    fn done(self) -> (Vec<Call<Op>>, Vec<usize>) {
        (self.calls, self.rows)
    }
}
