//! Time in the log.

pub(super) mod clock;
