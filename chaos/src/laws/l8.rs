//! L8: a debit without its viewer's valid signature is in no honest node's state, and the owner's
//! log proves each of its rows.
//!
//! Seen: forged requests that a workload sends are refused and never logged; every row of the
//! owner's log is a request that the viewer made before, from that device, byte for byte, with the
//! signature and the certificate that prove it; and a row once read stays as it is, unless a disk
//! was rolled back.

use std::collections::BTreeMap;

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use crate::history::Key;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("rows of owners' logs, and forged debits");
    for (key, grant) in &facts.grants {
        judge_forged(key, grant, &mut found);
        judge_rows(key, grant, facts.is_rolled_back(), &mut found);
    }
    found
}

fn judge_forged(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    for at in grant.debits.iter().filter(|at| !at.arg.genuine) {
        found.check();
        if at.acked().is_some() {
            let sentence = format!(
                "request {} was charged without its viewer's signature",
                at.arg.request
            );
            found.invalid(Some(key), [at.row], sentence);
        }
    }
}

fn judge_rows(key: &Key, grant: &GrantFacts<'_>, may_change: bool, found: &mut Found) {
    let mut known = BTreeMap::new();
    for log in &grant.logs {
        let Some(read) = log.acked() else {
            continue;
        };
        for view in &read.views {
            found.check();
            let (first, row) = *known.entry(view.number).or_insert((view, log.row));
            if first != view && !may_change {
                let sentence = format!("the log's view {} has changed", view.number);
                found.invalid(Some(key), [row, log.row], sentence);
            }
            let mut debits = grant.debits.iter();
            let asked = debits.any(|at| {
                at.arg.request == view.request
                    && at.arg.device == view.device
                    && at.arg.statement == view.statement
                    && at.arg.genuine
                    && at.call <= log.end()
            });
            if !view.proved {
                let sentence = format!("nothing proves the log's view {}", view.number);
                found.invalid(Some(key), [log.row], sentence);
            }
            if !asked {
                let sentence = format!(
                    "the log has request {} of device {}, which did not make it",
                    view.request, view.device
                );
                found.invalid(Some(key), [log.row], sentence);
            }
        }
        let times = read.views.windows(2);
        if times.into_iter().any(|pair| pair[0].at > pair[1].at) {
            found.invalid(Some(key), [log.row], "the log's times go back");
        }
    }
}
