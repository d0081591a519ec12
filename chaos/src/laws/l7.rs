//! L7: a node's floor never goes back, and no release lies below it.
//!
//! Floors that outlive a node's state are not built. Seen is the part that can be: what a node has
//! shown that it knows, by refusing a part, still counts when the same node gives parts later,
//! whatever it lost or replayed in between. A node that refused a view as revoked knows the lowest
//! revoked version that was tried by then, at least.

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use crate::history::Key;
use cameo_common::api::ErrorCode;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("parts given by nodes that had refused as revoked");
    for (key, grant) in &facts.grants {
        judge_grant(key, grant, &mut found);
    }
    found
}

fn judge_grant(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let versions = &grant.versions;
    let refused = grant.releases.iter();
    let refused = refused.filter(|at| at.refused() == Some(ErrorCode::Revoked));
    let refused: Vec<_> = refused.collect();
    for given in grant.releases.iter().filter(|at| at.acked().is_some()) {
        let before = refused.iter();
        let mut before = before.filter(|no| no.arg.node == given.arg.node && no.end() < given.call);
        let Some(no) = before.next_back() else {
            continue;
        };
        found.check();
        let tried = versions.all().iter();
        let mut revoked =
            tried.filter(|version| version.terms.revoked && version.first_call <= no.end());
        let floor = revoked.next().map_or(0, |version| version.terms.version);
        let mut newer = versions.all().iter().filter(|version| {
            version.terms.version > floor
                && !version.terms.revoked
                && version.first_call <= given.end()
        });
        if newer.next().is_none() {
            let sentence = format!(
                "node {} had refused as revoked, and released again under no newer rights",
                given.arg.node
            );
            found.invalid(Some(key), [no.row, given.row], sentence);
        }
    }
}
