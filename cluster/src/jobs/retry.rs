//! Retry delay that the leader and the workers give to clients.

use std::time::Duration;

/// Retry delay for conditions that end soon.
pub(crate) const RETRY_SOON: Duration = Duration::from_millis(250);
