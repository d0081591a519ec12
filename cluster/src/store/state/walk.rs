//! A read of all rows as of one version, beside which the write-behind goes on.
//!
//! Law: before a write to sled replaces what a row was at a walk's version, the walk keeps that,
//! unless it has passed the row. What a walk keeps is bounded: with more, the write-behind waits.

use std::ops::Bound;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cameo_machine::Rows;

use super::digest::RowDigest;
use super::generation::Generation;
use super::kept::Kept;
use super::view::StoreView;
use crate::store::meta::Applied;

/// Rows read at a time: applying waits for so long at most.
const PAGE_ROWS: usize = 128;
/// Longest pause after a page, whatever that has taken.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// A walk through all rows of the state at one applied entry.
pub(crate) struct Walk {
    generation: Arc<Generation>,
    pub applied: Arc<Applied>,
    kept: Arc<Kept>,
    /// Where the next page begins; `None` after the last.
    next: Option<Bound<Vec<u8>>>,
    page_rows: usize,
    /// Of the rows so far.
    digest: RowDigest,
}

impl Walk {
    /// A walk through the rows of a view, which keeps at most about `limit` bytes.
    pub fn new(view: &StoreView, limit: usize) -> Self {
        let generation = Arc::clone(&view.generation);
        // No write to sled beyond its version begins while the view is there.
        let kept = generation.walks.begin(view.applied.version(), limit);
        Self {
            generation,
            applied: Arc::clone(&view.applied),
            kept,
            next: Some(Bound::Unbounded),
            page_rows: PAGE_ROWS,
            digest: RowDigest::default(),
        }
    }

    /// The next rows in key order, perhaps none; `None` at the end.
    pub fn next_page(&mut self) -> Option<Rows> {
        let start = self.next.take()?;
        let start = start.as_ref().map(Vec::as_slice);
        let version = self.applied.version();
        let page = self.generation.scan(version, &[], start, self.page_rows);
        let is_full = page.len() == self.page_rows;
        let last = page.last().map(|(key, _)| key.clone()).filter(|_| is_full);
        let page = self.kept.pass(page, last.as_deref());
        self.next = last.map(Bound::Excluded);
        for (key, value) in &page {
            self.digest.add(key, value);
        }
        Some(page)
    }

    /// The digest of the rows so far.
    pub fn digest(&self) -> &RowDigest {
        &self.digest
    }

    /// Whether it is a walk through this state.
    pub fn is_of(&self, generation: &Arc<Generation>) -> bool {
        Arc::ptr_eq(&self.generation, generation)
    }

    /// Leaves as much time as has passed since the last page began, unless the write-behind waits
    /// for this walk: what a walk is for can wait.
    pub fn pause(&self, began: Instant) {
        if !self.is_full() {
            thread::sleep(began.elapsed().min(MAX_PAUSE));
        }
    }

    /// Whether the write-behind waits for this walk.
    pub fn is_full(&self) -> bool {
        self.kept.is_full()
    }

    /// Size of what is not in sled yet.
    pub fn overlay_bytes(&self) -> usize {
        self.generation.overlay_bytes()
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.generation.walks.end(&self.kept);
        self.generation.wake_write_behind();
    }
}

#[cfg(test)]
mod tests;
