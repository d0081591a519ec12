//! R4: within one process, term, commit and applied never go back.
//!
//! Seen whole, in what nodes say of themselves, one statement after another.

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("statements of a node after another of the same process");
    for (key, node) in &facts.nodes {
        for [(first, before), (second, after)] in node.in_turn() {
            if before.start != after.start {
                continue;
            }
            found.check();
            for (what, before, after) in [
                ("term", before.term, after.term),
                ("committed index", before.committed, after.committed),
                ("applied index", before.applied, after.applied),
            ] {
                if after < before {
                    let sentence = format!("the {what} went from {before} to {after}");
                    found.invalid(Some(key), [first, second], sentence);
                }
            }
        }
    }
    found
}
