//! L5: no release whose request began after an acked revocation or expiry.
//!
//! Seen whole, but for passes, which are not built, and for expiries within the run, of which
//! nobody outside knows the moment exactly: an expiry lies before the run or after it. A lowering
//! below a view's number is an ending like a revocation. Counted are releases that were asked for
//! after an ending was acked, and answered; one that overlaps the ending may still be given. Raised
//! or renewed rights that may be in force permit again. A view that was charged before the ending
//! is not released after it either: resuming is no right of its own.

use cameo_common::ids::Millis;

use super::facts::{Facts, GrantFacts, Version};
use super::found::Found;
use crate::history::Key;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let started = facts.started();
    let mut found = Found::new("releases asked for after an ending");
    for (key, grant) in &facts.grants {
        judge_grant(key, grant, started, &mut found);
    }
    found
}

fn judge_grant(key: &Key, grant: &GrantFacts<'_>, started: Millis, found: &mut Found) {
    let versions = &grant.versions;
    for at in grant.releases.iter().filter(|at| at.out.is_some()) {
        let number = grant.number(&at.arg.request);
        let permits = |version: &&Version<'_>| {
            let terms = version.terms;
            let expired = terms.expires.is_some_and(|expires| expires <= started);
            !terms.revoked && !expired && number <= terms.permitted
        };
        let known = versions.stored_before(at.call);
        let Some(ending) = known.filter(|version| !permits(version)) else {
            continue;
        };
        found.check();
        let mut in_force = versions.in_force(at.call, at.end());
        if at.acked().is_some() && !in_force.any(|version| permits(&version)) {
            let sentence = format!(
                "node {} released view {number} after version {} had ended it",
                at.arg.node, ending.terms.version
            );
            found.invalid(Some(key), [ending.row, at.row], sentence);
        }
    }
}
