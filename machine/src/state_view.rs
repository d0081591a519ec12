//! What `decide` sees of the state, and what it may do to it.
//!
//! Rows are bytes to the store; only the machine knows what they say.

use std::collections::BTreeMap;

/// Rows in key order: `(key, value)`.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A consistent, read-only picture of the state.
pub trait StateView {
    /// The value of one row.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// At most `limit` rows whose key starts with `prefix` and is `>= from`, in key order.
    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows;
}

/// One step of a decision. Steps cannot fail; all steps of one entry are written in one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes a row, whether or not it was there.
    Put { key: Vec<u8>, value: Vec<u8> },
    /// Removes a row, whether or not it was there.
    Delete { key: Vec<u8> },
}

/// The state as a map: for tests and for the simulator.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MapView(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl MapView {
    /// Carries out the changes of one decision.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put { key, value } => {
                    self.0.insert(key.clone(), value.clone());
                }
                Change::Delete { key } => {
                    self.0.remove(key);
                }
            }
        }
    }
}

impl StateView for MapView {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        let start = if from > prefix { from } else { prefix };
        self.0
            .range(start.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}
