//! D3: nodes that have applied as much have the same state.
//!
//! Seen: the hashes of whole states that nodes told, each with its index. The law is about healed
//! clusters; equal indexes must have equal hashes before that too. After the heal every node has to
//! show a hash at an index that another node shows as well, or too little was seen.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::Hash;

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("states told by two nodes");
    let mut known: BTreeMap<u64, (Hash, usize)> = BTreeMap::new();
    let mut told: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    let mut told_healed: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    for (place, (key, node)) in facts.nodes.iter().enumerate() {
        for at in &node.observed {
            let Some((index, hash)) = at.out.and_then(|out| out.state) else {
                continue;
            };
            told.entry(index).or_default().insert(place);
            if facts.healed.is_some_and(|healed| at.call >= healed) {
                told_healed.entry(index).or_default().insert(place);
            }
            let (first, row) = *known.entry(index).or_insert((hash, at.row));
            if first != hash {
                let sentence = format!("two states at index {index}: {first} and {hash}");
                found.invalid(Some(key), [row, at.row], sentence);
            }
        }
    }
    found.checked = told.values().filter(|nodes| nodes.len() > 1).count() as u64;
    let compared: BTreeSet<usize> = told_healed
        .into_values()
        .filter(|nodes| nodes.len() > 1)
        .flatten()
        .collect();
    let nodes = facts.begin.map_or(0, |begin| begin.nodes);
    let nodes = nodes.saturating_sub(facts.liars() as u64);
    if facts.healed.is_none() {
        found.inconclusive(None, "the cluster was not healed at the end");
    } else if (compared.len() as u64) < nodes {
        let why = format!(
            "after the heal, {} of {nodes} nodes showed a state that could be compared",
            compared.len()
        );
        found.inconclusive(None, why);
    }
    found
}
