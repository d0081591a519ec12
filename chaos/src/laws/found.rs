//! The findings of one law.

use crate::history::Key;
use crate::verdict::Outcome;

/// Most verdicts that one law lists; the first ones say enough.
const MAX_LISTED: usize = 50;

/// Counts what was checked, and collects what was wrong with it.
#[derive(Debug)]
pub(super) struct Found {
    pub checked: u64,
    /// What `checked` counts, in the plural.
    pub of: &'static str,
    pub outcomes: Vec<(Option<Key>, Outcome)>,
}

impl Found {
    pub fn new(of: &'static str) -> Self {
        Self {
            checked: 0,
            of,
            outcomes: Vec::new(),
        }
    }

    /// Counts one more thing that was looked at.
    pub fn check(&mut self) {
        self.checked += 1;
    }

    pub fn invalid(
        &mut self,
        key: Option<&Key>,
        rows: impl IntoIterator<Item = usize>,
        sentence: impl Into<String>,
    ) {
        let mut rows: Vec<usize> = rows.into_iter().collect();
        rows.sort_unstable();
        rows.dedup();
        let sentence = sentence.into();
        self.add(key, Outcome::Invalid { rows, sentence });
    }

    pub fn unknown(&mut self, key: Option<&Key>, why: impl Into<String>) {
        self.add(key, Outcome::Unknown { why: why.into() });
    }

    pub fn inconclusive(&mut self, key: Option<&Key>, why: impl Into<String>) {
        self.add(key, Outcome::Inconclusive { why: why.into() });
    }

    fn add(&mut self, key: Option<&Key>, outcome: Outcome) {
        // A worse outcome than those listed is never left out.
        let worst = self.outcomes.iter().map(|(_, known)| known.rank()).max();
        if self.outcomes.len() < MAX_LISTED || worst.is_none_or(|worst| outcome.rank() > worst) {
            self.outcomes.push((key.cloned(), outcome));
        }
    }
}
