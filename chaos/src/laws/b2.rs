//! B2: what is delivered was put, byte for byte, and carries the owner's signature.
//!
//! Seen whole: each delivery's statement, by its hash and its content, is one that the owner had
//! sent to the cluster before, was not refused every time, and verified at the viewer's.

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use crate::history::{Micros, Terms};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("deliveries");
    for (key, grant) in &facts.grants {
        for at in &grant.delivered {
            found.check();
            let version = at.arg.version;
            if at.out.is_some_and(|by| !by.genuine) {
                let sentence = format!("version {version} came without its owner's signature");
                found.invalid(Some(key), [at.row], sentence);
            } else if !was_put(grant, at.arg, at.end()) {
                let sentence = format!("version {version} came with bytes that were not put");
                found.invalid(Some(key), [at.row], sentence);
            }
        }
    }
    found
}

fn was_put(grant: &GrantFacts<'_>, terms: &Terms, by: Micros) -> bool {
    let created = grant.creates.iter();
    let mut created = created.filter(|at| at.may_count() && at.call <= by);
    let put = grant.puts.iter();
    let mut put = put.filter(|at| at.may_count() && at.call <= by);
    created.any(|at| at.arg.rights == *terms) || put.any(|at| at.arg.rights == *terms)
}
