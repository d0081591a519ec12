//! Views of the state: at one applied entry, and the latest.

use std::ops::Bound;
use std::sync::Arc;

use cameo_machine::{Rows, StateView};

use super::generation::Generation;
use crate::consensus_types::aliases::position;
use crate::store::meta::Applied;

/// The state at one applied entry.
#[derive(Debug)]
pub struct StoreView {
    pub(crate) generation: Arc<Generation>,
    pub(crate) applied: Arc<Applied>,
}

impl StoreView {
    /// `(term, index)` of the last entry in this view.
    pub fn applied(&self) -> Option<(u64, u64)> {
        self.applied.log_id.as_ref().map(position)
    }
}

impl StateView for StoreView {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.generation.get(self.applied.version(), key);
        value.map(|value| value.to_vec())
    }

    fn read(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) {
        if let Some(value) = self.generation.get(self.applied.version(), key) {
            read(&value);
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        scan_from(
            &self.generation,
            self.applied.version(),
            prefix,
            from,
            limit,
        )
    }
}

impl Drop for StoreView {
    fn drop(&mut self) {
        self.generation.leave(self.applied.version());
    }
}

/// The machine's view while it decides, including changes that are not published yet.
pub(crate) struct LatestView<'a>(pub &'a Generation);

impl StateView for LatestView<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get_latest(key).map(|value| value.to_vec())
    }

    fn read(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) {
        if let Some(value) = self.0.get_latest(key) {
            read(&value);
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        scan_from(self.0, u64::MAX, prefix, from, limit)
    }
}

fn scan_from(
    generation: &Generation,
    version: u64,
    prefix: &[u8],
    from: &[u8],
    limit: usize,
) -> Rows {
    let start = if from > prefix { from } else { prefix };
    generation.scan(version, prefix, Bound::Included(start), limit)
}
