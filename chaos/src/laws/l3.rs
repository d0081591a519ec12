//! L3: all oks of one request id are the same, and charged once; a definite refusal charges
//! nothing.
//!
//! Seen whole: answers to one request are compared; two requests never share a number; the owner's
//! log has a request once, and only if it may have been charged; and a count of used views lies
//! between the requests acked before it and those that may have been charged by then.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use crate::history::Key;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("answers to debits");
    for (key, grant) in &facts.grants {
        judge_answers(key, grant, &mut found);
        judge_numbers(key, grant, &mut found);
        judge_logs(key, grant, &mut found);
        judge_counts(key, grant, &mut found);
    }
    found
}

fn judge_answers(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let mut first = BTreeMap::new();
    for at in grant.debits.iter().filter(|at| at.out.is_some()) {
        found.check();
        let Some(debited) = at.acked() else {
            continue;
        };
        let (known, row) = *first.entry(at.arg.request).or_insert((debited, at.row));
        if known != debited {
            let sentence = format!(
                "request {} got two answers: view {} at index {}, and view {} at index {}",
                at.arg.request, known.number, known.index, debited.number, debited.index
            );
            found.invalid(Some(key), [row, at.row], sentence);
        }
    }
}

fn judge_numbers(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let mut by_number = BTreeMap::new();
    for view in &grant.charged {
        let number = view.debited.number;
        if let Some(other) = by_number.insert(number, view) {
            let sentence = format!(
                "requests {} and {} are both view {number}",
                other.request, view.request
            );
            found.invalid(Some(key), [other.row, view.row], sentence);
        }
    }
}

fn judge_logs(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    for log in &grant.logs {
        let Some(read) = log.acked() else {
            continue;
        };
        let mut seen = BTreeSet::new();
        for (view, number) in read.views.iter().zip(1..) {
            let request = view.request;
            if !seen.insert(request) {
                let sentence = format!("request {request} was charged twice");
                found.invalid(Some(key), [log.row], sentence);
            }
            if view.number != number {
                let sentence = format!("the log has view {} at place {number}", view.number);
                found.invalid(Some(key), [log.row], sentence);
            }
            let tried = grant.debits.iter().filter(|at| at.arg.request == request);
            let tried: Vec<_> = tried.collect();
            // A request that nobody made is L8's.
            if !tried.is_empty()
                && tried
                    .iter()
                    .all(|at| !at.may_count() || at.call > log.end())
            {
                let rows = tried.iter().map(|at| at.row).chain([log.row]);
                let sentence = format!("request {request} was refused, and charged");
                found.invalid(Some(key), rows, sentence);
            }
        }
    }
}

fn judge_counts(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let charged = &grant.charged;
    let reads = grant.usages.iter();
    let used = reads.filter_map(|at| Some((at.row, at.call, at.ret?, at.acked()?.used as usize)));
    let logs = grant.logs.iter();
    let logged = logs.filter_map(|at| Some((at.row, at.call, at.ret?, at.acked()?.views.len())));
    for (row, call, ret, count) in used.chain(logged) {
        let certain = charged.iter().filter(|view| view.to < call);
        let least = certain.clone().count();
        let most = grant.may_be_charged_by(ret);
        if count < least {
            let last = certain.max_by_key(|view| view.to).map(|view| view.row);
            let sentence = format!("{least} views were acked, and a later read counts {count}");
            found.invalid(Some(key), last.into_iter().chain([row]), sentence);
        } else if count > most {
            let sentence = format!("{count} views are counted, and at most {most} were asked for");
            found.invalid(Some(key), [row], sentence);
        }
    }
}
