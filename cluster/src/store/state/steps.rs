//! Versions at which the write-behind stops on its way, so that no write to sled is long.
//!
//! sled lets nobody read during a batch (`Tree::apply_batch`), and entries are decided by reads of
//! it, on Raft's thread: a batch of everything, after a busy second or a snapshot, would hold up
//! heartbeats for as long as an election takes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::row::Key;
use crate::store::meta::Applied;

/// Changed rows after which the next version is a step. A batch has these, and those of the entries
/// that became visible together with the last of them.
pub(super) const STEP_ROWS: usize = 1024;

/// A version at which the write-behind stops, and the keys of what has changed up to it since the
/// step before. A row that has changed at more versions is there more than once.
pub(super) struct Step {
    pub applied: Arc<Applied>,
    pub keys: Vec<Key>,
}

/// The steps that are not written yet. Their size is bounded by the changes in the overlay.
#[derive(Default)]
pub(super) struct Steps {
    ahead: VecDeque<Step>,
    /// What has changed since the last step.
    changed: Vec<Key>,
}

impl Steps {
    /// Adds changed rows, which are not visible yet.
    pub fn changed(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.changed.extend(keys);
    }

    /// Makes a version that has become visible a step, if it is due.
    pub fn published(&mut self, applied: &Arc<Applied>) {
        if self.changed.len() >= STEP_ROWS {
            let (applied, keys) = (Arc::clone(applied), std::mem::take(&mut self.changed));
            self.ahead.push_back(Step { applied, keys });
        }
    }

    /// The step to be written next.
    pub fn next(&self) -> Option<&Arc<Applied>> {
        self.ahead.front().map(|step| &step.applied)
    }

    /// Removes the steps up to a version, and returns the keys of what has changed up to there, in
    /// order. Some may have changed later alone: see `again`.
    pub fn take(&mut self, version: u64) -> Vec<Key> {
        let mut keys = Vec::new();
        while self.next().is_some_and(|step| step.version() <= version) {
            let step = self.ahead.pop_front();
            keys.extend(step.into_iter().flat_map(|step| step.keys));
        }
        if keys.is_empty() {
            // It was no step: what has changed up to it may have become part of one since.
            keys.append(self.nearest());
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Adds keys again that have later changes: to the next step, which may have these.
    pub fn again(&mut self, keys: Vec<Key>) {
        self.nearest().extend(keys);
    }

    fn nearest(&mut self) -> &mut Vec<Key> {
        match self.ahead.front_mut() {
            Some(step) => &mut step.keys,
            None => &mut self.changed,
        }
    }
}
