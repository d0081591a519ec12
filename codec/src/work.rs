//! Work done by a thread, counted: what a wrong key costs is a promise, and a clock is no witness for it.

use std::cell::Cell;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Tiles laid out.
    pub tiles: usize,
    /// Headers tried.
    pub headers: usize,
    /// Key streams begun: none before a header has opened.
    pub streams: usize,
    /// Pictures copied: none before a header has opened.
    pub copies: usize,
}

thread_local! {
    static DONE: Cell<Work> = Cell::default();
}

pub(super) fn count(add: impl FnOnce(&mut Work)) {
    let mut done = DONE.get();
    add(&mut done);
    DONE.set(done);
}

/// What `job` gives, and what it took on this thread.
pub(super) fn of<T>(job: impl FnOnce() -> T) -> (T, Work) {
    DONE.set(Work::default());
    let given = job();
    (given, DONE.get())
}
