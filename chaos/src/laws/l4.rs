//! L4: what remains is what is permitted less the debits, and never below zero.
//!
//! Seen whole, as far as there is: passes are not built. Each read's figures fit each other, and
//! each debit's fit a version of the rights that may have been in force.

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("answers that tell what is left");
    for (key, grant) in &facts.grants {
        for at in &grant.usages {
            let Some(usage) = at.acked() else {
                continue;
            };
            found.check();
            let left = if usage.revoked {
                0
            } else {
                usage.permitted.saturating_sub(usage.used)
            };
            if usage.left != left {
                let sentence = format!(
                    "{} are left of {} after {}, it says; it is {left}",
                    usage.left, usage.permitted, usage.used
                );
                found.invalid(Some(key), [at.row], sentence);
            }
        }
        let versions = &grant.versions;
        for view in &grant.charged {
            found.check();
            let told = view.debited;
            let mut in_force = versions.in_force(view.from, view.to);
            let fits = in_force
                .any(|version| version.terms.permitted.checked_sub(told.number) == Some(told.left));
            if !fits || told.used != told.number {
                let sentence = format!(
                    "view {} was charged with {} used and {} left, which no rights in force give",
                    told.number, told.used, told.left
                );
                found.invalid(Some(key), [view.row], sentence);
            }
        }
    }
    found
}
