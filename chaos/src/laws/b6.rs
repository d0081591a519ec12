//! B6: after the heal, with the viewer online, the mailbox drains and the viewer has the highest
//! version.
//!
//! Seen: the last read of each grant after the heal. Where it shows mail, and the viewer gave signs
//! of presence for long enough before it, the mail should have gone. Where it shows none, the
//! version in force must have been delivered or acknowledged. Workloads have to read every grant at
//! their end.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::keys::PublicKey;

use super::facts::{Facts, GrantFacts, UserFacts, micros};
use super::found::Found;
use crate::history::{Key, Micros, Usage};

/// Mail reaches a viewer who is online, and its acknowledgement the ledger, within this time.
const DRAINS: Duration = Duration::from_secs(15);

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found =
        Found::new("grants read after the heal, without mail or with their viewer online");
    let Some(healed) = facts.healed else {
        found.inconclusive(None, "the cluster was not healed at the end");
        return found;
    };
    let users = users_by_key(facts);
    for (key, grant) in &facts.grants {
        let reads = grant.usages.iter().filter(|at| at.call >= healed);
        let reads = reads.filter_map(|at| Some((at.call, at.row, at.acked()?)));
        if let Some((call, row, usage)) = reads.max_by_key(|(call, row, _)| (*call, *row)) {
            let viewer = grant
                .creates
                .first()
                .and_then(|at| users.get(&at.arg.viewer));
            let online = viewer.is_some_and(|viewer| was_online(viewer, healed, call));
            judge_end(key, grant, (row, usage), online, &mut found);
        }
    }
    found
}

fn users_by_key<'a, 'f>(facts: &'f Facts<'a>) -> BTreeMap<PublicKey, &'f UserFacts<'a>> {
    let users = facts.users.values();
    let keyed = users.flat_map(|user| {
        let owners = user.registers.iter().filter(|at| at.acked().is_some());
        owners.map(move |at| (at.arg.owner, user))
    });
    keyed.collect()
}

/// Whether the viewer was there for the whole time that mail takes, before `by`: a session began
/// before it, and a sign came after the first half of it.
fn was_online(viewer: &UserFacts<'_>, healed: Micros, by: Micros) -> bool {
    let from = by.0.saturating_sub(micros(DRAINS));
    if from < healed.0 {
        return false;
    }
    let started = viewer
        .starts
        .iter()
        .any(|at| at.acked().is_some() && at.end().0 <= from);
    let half = from + micros(DRAINS) / 2;
    let renewed = viewer
        .keep_alives
        .iter()
        .any(|at| at.acked().is_some() && at.call.0 >= half && at.end() <= by);
    started && renewed
}

fn judge_end(
    key: &Key,
    grant: &GrantFacts<'_>,
    (row, usage): (usize, &Usage),
    online: bool,
    found: &mut Found,
) {
    let version = usage.version;
    // Nothing is owed to a viewer who is away.
    if usage.in_mailbox && !online {
        return;
    }
    found.check();
    if usage.in_mailbox {
        let sentence = format!(
            "version {version} is still in the mailbox, and its viewer has been online since the \
             heal"
        );
        found.invalid(Some(key), [row], sentence);
    } else {
        let delivered = grant.delivered.iter().any(|at| at.arg.version >= version);
        let acked = grant
            .acks
            .iter()
            .any(|at| at.may_count() && at.arg.version >= version);
        if !delivered && !acked {
            let sentence =
                format!("version {version} is in force and in no mailbox, and never arrived");
            found.invalid(Some(key), [row], sentence);
        }
    }
}
