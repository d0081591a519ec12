//! B3: a viewer's ledger-confirmed version never goes down.
//!
//! Seen whole: neither the acknowledged version nor the version in force is read lower than it was
//! before, or than what was acked before.

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use super::mail::told;
use super::monotone::{Seen, regressions};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("reads of versions");
    for (key, grant) in &facts.grants {
        for (what, seen) in [
            ("acknowledged version", acknowledged(grant)),
            ("version in force", in_force(grant)),
        ] {
            found.checked += seen.iter().filter(|seen| !seen.at_least).count() as u64;
            for (before, now) in regressions(&seen) {
                let sentence = format!("the {what} went from {} to {}", before.value, now.value);
                found.invalid(Some(key), [before.row, now.row], sentence);
            }
        }
    }
    found
}

fn acknowledged(grant: &GrantFacts<'_>) -> Vec<Seen> {
    let read = grant.usages.iter().filter_map(|at| {
        Some(Seen {
            row: at.row,
            call: at.call,
            ret: at.ret?,
            value: at.acked()?.acknowledged,
            at_least: false,
        })
    });
    let acked = grant.acks.iter().filter_map(|at| {
        at.acked()?;
        Some(Seen {
            row: at.row,
            call: at.call,
            ret: at.ret?,
            value: at.arg.version,
            at_least: true,
        })
    });
    read.chain(acked).collect()
}

fn in_force(grant: &GrantFacts<'_>) -> Vec<Seen> {
    let told = told(grant).into_iter();
    told.map(|told| Seen {
        row: told.row,
        call: told.call,
        ret: told.ret,
        value: told.version,
        at_least: false,
    })
    .collect()
}
