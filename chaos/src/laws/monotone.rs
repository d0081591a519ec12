//! Numbers that may not go back: what was seen before an operation began is its least.

use crate::history::Micros;

/// A number that was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub row: usize,
    pub call: Micros,
    pub ret: Micros,
    pub value: u64,
    /// Whether it says only that the number is this high by now, not how high it is.
    pub at_least: bool,
}

/// Pairs of a higher number and a lower one that was read after it.
pub(super) fn regressions(seen: &[Seen]) -> Vec<(Seen, Seen)> {
    let mut by_ret: Vec<Seen> = seen.to_vec();
    by_ret.sort_by_key(|seen| seen.ret);
    let mut by_call: Vec<Seen> = seen.iter().filter(|seen| !seen.at_least).copied().collect();
    by_call.sort_by_key(|seen| seen.call);
    let mut before = by_ret.into_iter().peekable();
    let mut highest: Option<Seen> = None;
    let mut found = Vec::new();
    for now in by_call {
        while let Some(ended) = before.next_if(|ended| ended.ret < now.call) {
            if highest.is_none_or(|highest| ended.value > highest.value) {
                highest = Some(ended);
            }
        }
        if let Some(highest) = highest.filter(|highest| highest.value > now.value) {
            found.push((highest, now));
        }
    }
    found
}
