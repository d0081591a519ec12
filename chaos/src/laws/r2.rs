//! R2: committed entries never change.
//!
//! Seen: the terms and hashes of committed entries, where a target can read logs; the whole state's
//! hash at an index, which tells of all entries up to it; and the indexes of acked debits, of which
//! none belongs to two.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("committed entries and states seen again");
    let mut entries = BTreeMap::new();
    let mut states = BTreeMap::new();
    for (key, node) in &facts.nodes {
        for at in &node.observed {
            let Some(told) = at.out else {
                continue;
            };
            for &(index, term, hash) in &told.log {
                let (first, row) = *entries.entry(index).or_insert(((term, hash), at.row));
                found.checked += u64::from(row != at.row);
                if first != (term, hash) {
                    let sentence = format!("entry {index} has changed");
                    found.invalid(Some(key), [row, at.row], sentence);
                }
            }
            if let Some((index, hash)) = told.state {
                let (first, row) = *states.entry(index).or_insert((hash, at.row));
                found.checked += u64::from(row != at.row);
                if first != hash {
                    let sentence = format!("the state at index {index} has changed");
                    found.invalid(Some(key), [row, at.row], sentence);
                }
            }
        }
    }
    let mut debits = BTreeMap::new();
    for (key, grant) in &facts.grants {
        for view in &grant.charged {
            let index = view.debited.index;
            let (grant, request, row) =
                *debits
                    .entry(index)
                    .or_insert((*key, view.request, view.row));
            if (grant, request) != (*key, view.request) {
                let sentence = format!("two debits are entry {index}");
                found.invalid(Some(key), [row, view.row], sentence);
            }
        }
    }
    found
}
