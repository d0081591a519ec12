//! The times that a voter tells.

use cameo_common::ids::Millis;
use serde::{Deserialize, Serialize};

/// What a voter tells of the time, unsigned: it counts as the word of that voter alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoterTimes {
    /// Its wall clock.
    pub clock: Millis,
    /// The time of the log that its state has reached.
    pub applied: Millis,
}
