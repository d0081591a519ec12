//! Cooperative cancellation of long computations.

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

/// Cancellation flag of one computation, checked between small units of work: a strip, a tile, a
/// part of a stream. The computation ends within a few units; the checks cost nothing measurable.
#[derive(Debug, Default)]
pub struct CancelToken(AtomicBool);

/// The computation was cancelled and has no result.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the work was cancelled")]
pub struct Cancelled;

/// For computations that are never cancelled.
pub(super) static NEVER: CancelToken = CancelToken::new();

impl CancelToken {
    #[must_use]
    pub const fn new() -> Self {
        CancelToken(AtomicBool::new(false))
    }

    /// Requests cancellation, from any thread.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// `Err` after [`CancelToken::cancel`].
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}
