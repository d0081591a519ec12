//! Read access to the state, and the changes that a decision may make.
//!
//! Rows are opaque bytes to the store; their meaning is in the machine's `rows`.

use std::collections::BTreeMap;

/// Rows in key order: `(key, value)`.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Consistent, read-only access to the state.
pub trait StateView {
    /// The value of one row, if it exists.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// Passes the value of one row to `read`, if it exists. Without a copy, where the view has it.
    fn read(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) {
        if let Some(value) = self.get(key) {
            read(&value);
        }
    }

    /// At most `limit` rows whose key starts with `prefix` and is `>= from`, in key order.
    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows;
}

/// One row written or deleted. Applying it cannot fail; all changes of one entry are one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes a row, whether or not it exists.
    Put { key: Vec<u8>, value: Vec<u8> },
    /// Deletes a row, whether or not it exists.
    Delete { key: Vec<u8> },
}

/// The state as a map: for tests and for the simulator.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MapView(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl MapView {
    /// Applies the changes of one decision.
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

    fn read(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) {
        if let Some(value) = self.0.get(key) {
            read(value);
        }
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
