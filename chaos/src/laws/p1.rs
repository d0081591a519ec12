//! P1: what two people are shown by the real client agrees with the ledger's laws: L2, L3, L4 and
//! L5, B1 and B6, as seen from a terminal.
//!
//! Seen: each photo that opened is the owner's, and has a view's number of its own, unless the
//! client resumed that view; the number is within what the owner may have permitted by then;
//! nothing opens after an acked revocation, unless rights may have been given again; and what the
//! owner is shown is neither older than what the client said was recorded, nor counts fewer views
//! than were opened, nor more than were asked for. A refusal is not judged: the viewer's client may
//! know less than the ledger.

use std::collections::BTreeMap;

use super::facts::{At, Facts, GrantFacts};
use super::found::Found;
use crate::history::{Answer, Key, Micros, PermitArg, Permitted};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("photos opened, and looks at the ledger, by the real client");
    for (key, grant) in &facts.grants {
        judge_numbers(key, grant, &mut found);
        judge_permitted(key, grant, &mut found);
        judge_shown(key, grant, facts.healed, &mut found);
    }
    found
}

fn judge_numbers(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let mut first = BTreeMap::new();
    for at in &grant.opens {
        let Some(opened) = at.acked() else { continue };
        found.check();
        if !opened.genuine {
            found.invalid(
                Some(key),
                [at.row],
                "another photo was opened than was shared",
            );
        }
        let known = first.insert(opened.number, at.row);
        if let Some(row) = known.filter(|_| !opened.resumed) {
            let sentence = format!("view {} was opened twice as a new one", opened.number);
            found.invalid(Some(key), [row, at.row], sentence);
        }
    }
}

fn judge_permitted(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    for at in &grant.opens {
        let Some(opened) = at.acked() else { continue };
        let permits = |permit: &At<'_, PermitArg, _>| {
            !permit.arg.revoked && opened.number <= permit.arg.permitted
        };
        if !in_force(grant, at.call, at.end()).any(permits) {
            let sentence = format!(
                "view {} opened, and nothing in force permitted it",
                opened.number
            );
            let known = recorded_before(grant, at.call).map(|permit| permit.row);
            found.invalid(Some(key), known.into_iter().chain([at.row]), sentence);
        }
    }
}

type Permit<'f, 'a> = &'f At<'a, PermitArg, Answer<Permitted>>;

/// The newest version that was recorded for certain before a moment.
fn recorded_before<'f, 'a>(grant: &'f GrantFacts<'a>, moment: Micros) -> Option<Permit<'f, 'a>> {
    let recorded = grant.permits.iter().filter(|at| at.end() < moment);
    recorded
        .filter(|at| at.acked().is_some())
        .max_by_key(|at| at.acked().map(|permitted| permitted.version))
}

/// The changes that may have been in force at some time between two moments.
fn in_force<'f, 'a>(
    grant: &'f GrantFacts<'a>,
    from: Micros,
    to: Micros,
) -> impl Iterator<Item = Permit<'f, 'a>> {
    let oldest = recorded_before(grant, from)
        .and_then(|at| at.acked())
        .map_or(0, |permitted| permitted.version);
    grant.permits.iter().filter(move |at| {
        let superseded = at
            .acked()
            .is_some_and(|permitted| permitted.version < oldest);
        at.may_count() && at.call <= to && !superseded
    })
}

fn judge_shown(key: &Key, grant: &GrantFacts<'_>, healed: Option<Micros>, found: &mut Found) {
    for at in &grant.shown {
        let Some(shown) = at.acked() else { continue };
        found.check();
        let known = recorded_before(grant, at.call).and_then(|permit| {
            let version = permit.acked()?.version;
            (version > shown.version).then_some((permit.row, version))
        });
        if let Some((row, version)) = known {
            let sentence = format!(
                "version {version} was recorded, and version {} is shown",
                shown.version
            );
            found.invalid(Some(key), [row, at.row], sentence);
        }
        let opened = grant.opens.iter().filter(|open| open.end() < at.call);
        let least = opened.filter_map(|open| Some(open.acked()?.number)).max();
        let asked = grant.opens.iter().filter(|open| open.call <= at.end());
        let most = asked.filter(|open| open.may_count()).count();
        if shown.used < least.unwrap_or(0) || shown.used as usize > most {
            let sentence = format!(
                "{} views are shown as used; {} are known to be, and {most} were asked for",
                shown.used,
                least.unwrap_or(0)
            );
            found.invalid(Some(key), [at.row], sentence);
        }
    }
    let last = grant.shown.iter().rfind(|at| at.acked().is_some());
    if let (Some(at), Some(healed)) = (last, healed)
        && at.call > healed
        && at.acked().is_some_and(|shown| shown.in_mailbox)
    {
        let sentence = "the viewer is online after healing, and the mailbox still holds rights";
        found.invalid(Some(key), [at.row], sentence);
    }
}
