//! Counters of work done on a thread, for tests: costs are checked by counting, since time is
//! unreliable.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::cancel::CancelToken;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Tiles laid out.
    pub tiles: usize,
    /// Headers tried.
    pub headers: usize,
    /// Key streams started: none before a header has opened.
    pub streams: usize,
    /// Pictures copied: none before a header has opened.
    pub copies: usize,
}

thread_local! {
    static DONE: Cell<Work> = Cell::default();
    /// The token to cancel, and after how many units.
    static CANCELLING: RefCell<Option<(usize, Arc<CancelToken>)>> = const { RefCell::new(None) };
    static UNITS: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn count(add: impl FnOnce(&mut Work)) {
    let mut done = DONE.get();
    add(&mut done);
    DONE.set(done);
}

/// Result of `job`, and the work it did on this thread.
pub(super) fn measure<T>(job: impl FnOnce() -> T) -> (T, Work) {
    DONE.set(Work::default());
    let given = job();
    (given, DONE.get())
}

/// Counts a unit of work between two checks for cancellation: a tile, a strip, a part of a stream.
pub(super) fn unit() {
    let done = UNITS.get() + 1;
    UNITS.set(done);
    CANCELLING.with_borrow(|cancelling| {
        if let Some((after, cancel)) = cancelling
            && *after == done
        {
            cancel.cancel();
        }
    });
}

/// Runs `job` and cancels it in its `after`th unit on this thread. Returns its result and the
/// number of units.
pub(super) fn cancelled<T>(after: usize, job: impl FnOnce(&CancelToken) -> T) -> (T, usize) {
    let cancel = Arc::new(CancelToken::new());
    CANCELLING.set(Some((after, cancel.clone())));
    UNITS.set(0);
    let given = job(&cancel);
    CANCELLING.set(None);
    (given, UNITS.get())
}
