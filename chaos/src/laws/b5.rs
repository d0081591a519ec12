//! B5: after the acknowledgement of a version it is not delivered again.
//!
//! Seen in part, because any node serves a stream from its own state, and one that is behind may
//! rightly deliver what it does not yet know to be acknowledged:
//! - within one stream no sequence comes twice or goes back;
//! - a version is not delivered under a higher sequence than a higher version: the higher one had
//!   taken its place;
//! - where no fault struck for a while, and the acknowledgement was acked before that, nodes are no
//!   longer behind, and the version or a lower one does not come again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::{Facts, GrantFacts, micros};
use super::found::Found;
use crate::history::{Key, Micros};

/// No node is behind by more when nothing is wrong.
const BEHIND: Duration = Duration::from_secs(10);

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("deliveries");
    let mut streams = BTreeMap::new();
    for (key, grant) in &facts.grants {
        judge_order(key, grant, &mut found);
        judge_again(facts, key, grant, &mut found);
        for at in &grant.delivered {
            found.check();
            if let Some(by) = at.out {
                let stream: &mut Vec<_> = streams.entry(by.stream).or_default();
                stream.push((at.row, by.sequence, *key));
            }
        }
    }
    // Grants of one viewer share a stream; a file has its deliveries in the order of arrival.
    for deliveries in streams.values_mut() {
        deliveries.sort_by_key(|(row, ..)| *row);
        for pair in deliveries.windows(2) {
            if let [(first, before, _), (second, after, key)] = pair
                && after <= before
            {
                let sentence = format!("the stream went from sequence {before} to {after}");
                found.invalid(Some(key), [*first, *second], sentence);
            }
        }
    }
    found
}

/// Along the sequences of a viewer's stream, versions of one grant rise.
fn judge_order(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let mut by_sequence: Vec<_> = grant
        .delivered
        .iter()
        .filter_map(|at| Some((at.out?.sequence, at.arg.version, at.row)))
        .collect();
    by_sequence.sort_unstable();
    for pair in by_sequence.windows(2) {
        let [(one, before, first), (two, after, second)] = *pair else {
            continue;
        };
        if after < before || (one == two && after != before) {
            let sentence = format!(
                "version {after} came with sequence {two}, after version {before} with {one}"
            );
            found.invalid(Some(key), [first, second], sentence);
        }
    }
}

fn judge_again(facts: &Facts<'_>, key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    for at in &grant.delivered {
        let quiet_from = Micros(at.call.0.saturating_sub(micros(BEHIND)));
        let acked = grant.acks.iter();
        let mut acked = acked.filter(|ack| {
            ack.acked().is_some() && ack.end() < quiet_from && ack.arg.version >= at.arg.version
        });
        if let Some(ack) = acked.next()
            && facts.quiet(quiet_from, at.call)
        {
            let sentence = format!(
                "version {} came again, long after {} was acknowledged",
                at.arg.version, ack.arg.version
            );
            found.invalid(Some(key), [ack.row, at.row], sentence);
        }
    }
}
