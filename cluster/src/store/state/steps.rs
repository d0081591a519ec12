//! Versions at which the write-behind stops on its way, so that no write to sled is long.
//!
//! sled lets nobody read during a batch (`Tree::apply_batch`), and entries are decided by reads of
//! it, on Raft's thread: a batch of everything, after a busy second or a snapshot, would hold up
//! heartbeats for as long as an election takes.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::store::meta::Applied;

/// Changed rows after which the next version is a step. A batch has these, and those of the entries
/// that became visible together with the last of them.
pub(super) const STEP_ROWS: usize = 1024;

/// The steps that are not written yet. Their number is bounded by the rows of the overlay.
#[derive(Default)]
pub(super) struct Steps {
    ahead: VecDeque<Arc<Applied>>,
    /// Rows changed since the last step.
    rows: usize,
}

impl Steps {
    /// Counts changed rows, which are not visible yet.
    pub fn changed(&mut self, rows: usize) {
        self.rows += rows;
    }

    /// Makes a version that has become visible a step, if it is due.
    pub fn published(&mut self, applied: &Arc<Applied>) {
        if self.rows >= STEP_ROWS {
            self.ahead.push_back(Arc::clone(applied));
            self.rows = 0;
        }
    }

    /// The step to be written next.
    pub fn next(&self) -> Option<&Arc<Applied>> {
        self.ahead.front()
    }

    /// Removes the steps up to a version, which is written.
    pub fn written(&mut self, version: u64) {
        while self.next().is_some_and(|step| step.version() <= version) {
            self.ahead.pop_front();
        }
    }
}
