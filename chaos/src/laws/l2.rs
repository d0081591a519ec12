//! L2: at each debit's index, the debits so far are at most what is permitted.
//!
//! Seen: each acked debit has a log index and a number. Numbers rise with the index; each is within
//! a version of the rights that may have been in force, neither revoked nor expired before the run,
//! between the first attempt and its answer; and no more are counted than were asked for.

use super::facts::{ChargedView, Facts, GrantFacts, Versions};
use super::found::Found;
use crate::history::{Key, Terms};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("acked views");
    for (key, grant) in &facts.grants {
        let mut charged = grant.charged.clone();
        found.checked += charged.len() as u64;
        let versions = &grant.versions;
        for view in &charged {
            judge_bound(facts, (key, grant), versions, view, &mut found);
        }
        charged.sort_by_key(|view| view.debited.index);
        for pair in charged.windows(2) {
            let [one, two] = pair else { continue };
            let (first, second) = (one.debited, two.debited);
            if second.number <= first.number || second.index == first.index {
                let sentence = format!(
                    "view {} was charged at index {}, and view {} at index {}",
                    first.number, first.index, second.number, second.index
                );
                found.invalid(Some(key), [one.row, two.row], sentence);
            }
        }
    }
    found
}

fn judge_bound(
    facts: &Facts<'_>,
    (key, grant): (&Key, &GrantFacts<'_>),
    versions: &Versions<'_>,
    view: &ChargedView<'_>,
    found: &mut Found,
) {
    let number = view.debited.number;
    let permits = |terms: &Terms| {
        let expired = terms
            .expires
            .is_some_and(|expires| expires <= facts.started());
        !terms.revoked && !expired && number <= terms.permitted
    };
    let mut in_force = versions.in_force(view.from, view.to).peekable();
    let last = in_force.peek().map(|version| version.row);
    if !in_force.any(|version| permits(version.terms)) {
        let sentence = format!("view {number} was charged, and no rights in force permitted it");
        found.invalid(Some(key), last.into_iter().chain([view.row]), sentence);
    }
    let asked = grant.may_be_charged_by(view.to);
    if number as usize > asked {
        let sentence = format!("view {number} was charged after {asked} requests");
        found.invalid(Some(key), [view.row], sentence);
    }
}
