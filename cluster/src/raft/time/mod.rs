//! Time in the log.

pub(super) mod clock;
pub(super) mod dated;
pub(super) mod entry_time;
pub(super) mod voter_times;
