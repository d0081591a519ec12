//! The operations on one grant, as its specification has them.

use std::collections::HashMap;

use cameo_common::ids::{Millis, RequestId};

use super::super::facts::{At, GrantFacts, micros};
use super::builder::Builder;
use super::numbers::Numbers;
use super::told::told;
use super::{Calls, answer};
use crate::history::{self, Answer, Key};
use crate::specification::grant::{self, Charged, Grant, GrantOp, Stored};

/// Resuming a view ends this long after its debit, by the log's time. Clocks that are wrong may end
/// it sooner, so a release this much sooner may be refused already.
const RESUME: std::time::Duration = std::time::Duration::from_secs(10 * 60);
const RESUME_SLACK: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// The operations on one grant.
pub(super) fn calls<'a>(key: &'a Key, of: &GrantFacts<'_>, started: Millis) -> Calls<'a, Grant> {
    let mut calls = Builder::default();
    let mut requests = Numbers::default();
    let mut statements = Numbers::default();
    let told = told(of, &mut requests);
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
    let (calls, rows) = calls.done();
    Calls {
        key,
        specification: Grant { told },
        calls,
        rows,
    }
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
