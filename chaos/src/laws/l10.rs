//! L10: a node that has confirmed rights releases nothing by older ones.
//!
//! Seen: a confirmation is the node's own, for the version that was asked for or a later one; where
//! a target can read the nodes' disks, the floor there has that version at least from then on; and
//! what the node releases later, some rights permit that are not older. So an ending that n - t + 1
//! nodes have confirmed is in force, and for each m more though m of them lie.

use cameo_common::ids::Millis;

use super::facts::{At, Facts, GrantFacts};
use super::found::Found;
use crate::history::{Answer, ConfirmArg, Confirmed, Key};

type Confirm<'a> = At<'a, ConfirmArg, Answer<Confirmed>>;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("confirmations, and what their nodes did later");
    for (key, grant) in &facts.grants {
        for at in &grant.confirms {
            let Some(confirmed) = at.acked() else {
                continue;
            };
            found.check();
            if !confirmed.genuine || confirmed.version < at.arg.version {
                let sentence = format!("node {} has confirmed something else", at.arg.node);
                found.invalid(Some(key), [at.row], sentence);
                continue;
            }
            judge_floor(facts, key, at, confirmed, &mut found);
            judge_releases(facts.started(), (key, grant), at, confirmed, &mut found);
        }
    }
    found
}

/// The first floor that is seen after the confirmation.
fn judge_floor(
    facts: &Facts<'_>,
    key: &Key,
    at: &Confirm<'_>,
    confirmed: &Confirmed,
    found: &mut Found,
) {
    let Some(node) = facts.nodes.get(&Key::node(at.arg.node)) else {
        return;
    };
    let mut known = None;
    for seen in &node.observed {
        let Some(observed) = seen.out else {
            continue;
        };
        let mut floors = observed.floors.iter();
        let floor = floors.find(|floor| floor.grant == *key);
        known = floor.map(|floor| floor.version).or(known);
        if seen.call <= at.end() {
            continue;
        }
        let Some(version) = known else {
            // Either the target reads no disks, or the node has no floor: another look tells.
            continue;
        };
        found.check();
        if version < confirmed.version {
            let sentence = format!(
                "node {} had confirmed version {}, and its floor has version {version}",
                at.arg.node, confirmed.version
            );
            found.invalid(Some(key), [at.row, seen.row], sentence);
        }
        return;
    }
}

fn judge_releases(
    started: Millis,
    (key, grant): (&Key, &GrantFacts<'_>),
    at: &Confirm<'_>,
    confirmed: &Confirmed,
    found: &mut Found,
) {
    let later = grant.releases.iter();
    let later = later.filter(|given| given.arg.node == at.arg.node && given.call > at.end());
    for given in later.filter(|given| given.acked().is_some()) {
        found.check();
        let number = grant.number(&given.arg.request);
        let mut versions = grant.versions.all().iter();
        let permitted = versions.any(|version| {
            let terms = version.terms;
            let expired = terms.expires.is_some_and(|expires| expires <= started);
            let permits = !terms.revoked && !expired && number <= terms.permitted;
            let may_count = terms.version >= confirmed.version && version.first_call <= given.end();
            permits && may_count
        });
        if !permitted {
            let sentence = format!(
                "node {} released view {number} after it had confirmed version {}",
                at.arg.node, confirmed.version
            );
            found.invalid(Some(key), [at.row, given.row], sentence);
        }
    }
}
