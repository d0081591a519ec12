//! How time enters the log.

pub(super) mod clock;
