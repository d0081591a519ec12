//! The wall clock of the machine.

use std::time::SystemTime;

use cameo_common::ids::Millis;

/// The wall clock, behind a trait so that a simulation can bend it.
pub trait WallClock: Send + Sync {
    /// What it reads now.
    fn unix_millis(&self) -> Millis;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn unix_millis(&self) -> Millis {
        // A clock before 1970 reads as 1970; the voters' median will outvote it.
        SystemTime::now().into()
    }
}
