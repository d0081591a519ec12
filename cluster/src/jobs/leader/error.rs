//! Why a job is not placed.

use std::time::Duration;

use cameo_codec::job::MAX_INPUT;
use cameo_common::api::ErrorCode;
use cameo_common::ids::JobId;

/// A node that is not ready asks to come back after this.
pub(crate) const SOON: Duration = Duration::from_millis(250);

/// Why the leader named no worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("this node does not lead, or not in this term; ask the leader")]
    NotLeader,
    #[error("a job's input has at most {MAX_INPUT} bytes; use a smaller photo or cover")]
    TooLarge,
    #[error("the job {0} is asked for twice in one call; name it once")]
    Twice(JobId),
    #[error("a job names at most {0} workers that it failed on")]
    TooManyExcluded(usize),
    #[error("this device has tickets for many jobs and does not use them; upload those, or ask again in {} ms", SOON.as_millis())]
    TooManyReserved,
    #[error("no worker can take the job now; ask again in {} ms", retry_after.as_millis())]
    Busy { retry_after: Duration },
}

impl PlaceError {
    /// What it means for programs.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotLeader => ErrorCode::NoQuorum,
            Self::TooLarge => ErrorCode::TooLarge,
            Self::TooManyExcluded(_) | Self::Twice(_) => ErrorCode::BadRequest,
            Self::TooManyReserved | Self::Busy { .. } => ErrorCode::Busy,
        }
    }

    /// When to come back, where that helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotLeader | Self::TooManyReserved => Some(SOON),
            Self::Busy { retry_after } => Some(*retry_after),
            Self::TooLarge | Self::TooManyExcluded(_) | Self::Twice(_) => None,
        }
    }
}
