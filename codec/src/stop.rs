//! Giving up a long piece of work whose result nobody waits for any more.

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

/// Asked once, and looked at between small units of work: a strip, a tile, a part of a stream. So what is asked to
/// stop does so within a few of them, and one that nobody asks pays nothing that could be measured.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

/// The work was given up on request; there is no result.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the work was given up: nobody waits for it any more")]
pub struct Stopped;

/// For work that is never given up.
pub(super) static NEVER: Stop = Stop::new();

impl Stop {
    #[must_use]
    pub const fn new() -> Self {
        Stop(AtomicBool::new(false))
    }

    /// Asks for the end, from any thread.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// When the end was asked for.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_asked() {
            Err(Stopped)
        } else {
            Ok(())
        }
    }
}
