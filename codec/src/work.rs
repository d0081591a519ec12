//! Work done by a thread, counted: what a wrong key costs is a promise, and a clock is no witness for it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::stop::Stop;

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
    /// Asked to stop after so many units, and how many there were.
    static STOPPING: RefCell<Option<(usize, Arc<Stop>)>> = const { RefCell::new(None) };
    static UNITS: Cell<usize> = const { Cell::new(0) };
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

/// A unit of work that a job may be stopped between: a tile, a strip, a part of a stream.
pub(super) fn unit() {
    let done = UNITS.get() + 1;
    UNITS.set(done);
    STOPPING.with_borrow(|stopping| {
        if let Some((after, stop)) = stopping
            && *after == done
        {
            stop.ask();
        }
    });
}

/// What `job` gives when it is asked to stop in its `after`th unit on this thread, and how many units there were.
pub(super) fn stopped<T>(after: usize, job: impl FnOnce(&Stop) -> T) -> (T, usize) {
    let stop = Arc::new(Stop::new());
    STOPPING.set(Some((after, stop.clone())));
    UNITS.set(0);
    let given = job(&stop);
    STOPPING.set(None);
    (given, UNITS.get())
}
