//! L6: no release without its committed debit, and none to another key than the one that was
//! debited.
//!
//! Seen whole: a part that was given opens with the request's own one-time key; its statement is
//! the one of a debit that had been asked for by then, and was not refused every time; the owner's
//! later log has that debit; and, the other way round, a node never says that a debit is not there
//! which was acked before. A request is released for the time of resuming and no longer.

use std::time::Duration;

use cameo_common::api::ErrorCode;

use super::facts::{At, Facts, GrantFacts, micros};
use super::found::Found;
use crate::history::{Answer, Key, ReleaseArg, Released};

/// For so long after its debit a view is released, by the log's time.
const RESUME: Duration = Duration::from_secs(10 * 60);
/// Clocks that are wrong may make it shorter or longer by this much.
const CLOCK_BOUND: Duration = Duration::from_secs(5 * 60);

type Release<'a> = At<'a, ReleaseArg, Answer<Released>>;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("answers of nodes that were asked for parts");
    for (key, grant) in &facts.grants {
        for at in grant.releases.iter().filter(|at| at.out.is_some()) {
            found.check();
            if let Some(part) = at.acked() {
                judge_given(key, grant, at, part, &mut found);
            }
            if at.refused() == Some(ErrorCode::NotDebited) {
                judge_denied(key, grant, at, &mut found);
            }
        }
    }
    found
}

fn judge_given(
    key: &Key,
    grant: &GrantFacts<'_>,
    at: &Release<'_>,
    part: &Released,
    found: &mut Found,
) {
    let (node, request) = (at.arg.node, at.arg.request);
    if !part.opens {
        let sentence = format!("node {node} sealed its part to another key than the debited one");
        found.invalid(Some(key), [at.row], sentence);
    }
    let asked = grant.debits.iter().filter(|debit| {
        debit.arg.request == request && debit.call <= at.end() && debit.may_count()
    });
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        let sentence = format!("node {node} released request {request}, which was not charged");
        found.invalid(Some(key), [at.row], sentence);
        return;
    }
    let rows = || asked.iter().map(|debit| debit.row).chain([at.row]);
    if asked
        .iter()
        .all(|debit| debit.arg.statement != at.arg.statement)
    {
        let sentence = format!("node {node} released other bytes than request {request} had");
        found.invalid(Some(key), rows(), sentence);
    }
    // The charged bytes are the acked ones.
    let acked = asked.iter().find(|debit| debit.acked().is_some());
    if acked.is_some_and(|debit| debit.arg.statement != at.arg.statement) {
        let sentence = format!("node {node} released bytes of request {request} not charged");
        found.invalid(Some(key), rows(), sentence);
    }
    let latest = asked.iter().map(|debit| debit.end()).max();
    let too_late = |end: crate::history::Micros| {
        at.call.0.saturating_sub(end.0) > micros(RESUME + CLOCK_BOUND)
    };
    if latest.is_some_and(too_late) {
        let sentence = format!("node {node} released request {request} long after its debit");
        found.invalid(Some(key), rows(), sentence);
    }
    let later = grant.logs.iter().filter(|log| log.call > at.end());
    let mut later = later.filter_map(|log| Some((log.row, log.acked()?)));
    let lacks = later.find(|(_, log)| log.views.iter().all(|view| view.request != request));
    if let Some((row, _)) = lacks {
        let sentence = format!("node {node} released request {request}, and no debit is logged");
        found.invalid(Some(key), [at.row, row], sentence);
    }
}

fn judge_denied(key: &Key, grant: &GrantFacts<'_>, at: &Release<'_>, found: &mut Found) {
    let charged = &grant.charged;
    let debit = charged.iter().find(|view| {
        view.request == at.arg.request
            && view.statement == at.arg.statement
            && view.to < at.call
            && at.end().0.saturating_sub(view.from.0) < micros(RESUME - CLOCK_BOUND)
    });
    if let Some(debit) = debit {
        let sentence = format!(
            "node {} says that view {} was not charged, which was acked before",
            at.arg.node, debit.debited.number
        );
        found.invalid(Some(key), [debit.row, at.row], sentence);
    }
}
