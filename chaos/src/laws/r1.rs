//! R1: one leader a term.
//!
//! Seen: which node led a term, as nodes say of themselves and of others, and as tickets name it.
//! A node that led a term had given itself its vote, on disk: it never comes back under an older
//! term, or its vote could be given twice. Term 0 is what a node says before it has read its disk.

use std::collections::BTreeMap;

use cameo_common::ids::NodeId;

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("statements of who leads a term");
    let mut leaders: BTreeMap<u64, (NodeId, usize)> = BTreeMap::new();
    let mut says = |found: &mut Found, term: u64, leader: NodeId, row: usize| {
        found.check();
        let (first, before) = *leaders.entry(term).or_insert((leader, row));
        if first != leader {
            let sentence = format!("term {term} had two leaders, node {first} and node {leader}");
            found.invalid(None, [before, row], sentence);
        }
    };
    for job in facts.jobs.values() {
        for at in &job.places {
            if let Some(placed) = at.acked() {
                says(&mut found, placed.term, placed.leader, at.row);
            }
        }
    }
    for (key, node) in &facts.nodes {
        let mut led: Option<(u64, usize)> = None;
        for at in &node.observed {
            let Some(told) = at.out else {
                continue;
            };
            if told.term == 0 {
                continue;
            }
            let itself = told.leads == Some(true);
            if let Some(leader) = told.leader {
                says(&mut found, told.term, leader, at.row);
            }
            if let Some((term, row)) = led.filter(|(term, _)| told.term < *term) {
                let sentence = format!("led term {term}, and is in term {} later", told.term);
                found.invalid(Some(key), [row, at.row], sentence);
            }
            if itself && led.is_none_or(|(term, _)| told.term > term) {
                led = Some((told.term, at.row));
            }
        }
    }
    found
}
