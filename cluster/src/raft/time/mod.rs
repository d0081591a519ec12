//! Time in the log.

pub(super) mod clock;
pub(super) mod entry_time;
