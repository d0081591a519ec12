//! The wall clock of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, behind a trait so that a simulation can bend it.
pub trait WallClock: Send + Sync {
    /// Milliseconds since 1970 UTC.
    fn unix_millis(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn unix_millis(&self) -> u64 {
        // A clock before 1970 reads as 1970; the voters' median will outvote it.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }
}
