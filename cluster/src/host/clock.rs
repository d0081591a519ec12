//! The wall clock of the machine.

use std::time::SystemTime;

use cameo_common::ids::Millis;

/// The wall clock, behind a trait so that a simulation can set it.
pub trait WallClock: Send + Sync {
    /// The current time.
    fn unix_millis(&self) -> Millis;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn unix_millis(&self) -> Millis {
        // A clock before 1970 reads as 1970; the voters' median outvotes it.
        SystemTime::now().into()
    }
}
