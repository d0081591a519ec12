//! Reasons for which the leader places no job.

use std::time::Duration;

use cameo_codec::job::MAX_INPUT;
use cameo_common::api::ErrorCode;
use cameo_common::ids::JobId;

use crate::jobs::retry::RETRY_SOON;

/// Why the leader chose no worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("this node is not the leader of this term; ask the leader")]
    NotLeader,
    #[error("a job's input may have at most {MAX_INPUT} bytes; use a smaller photo or cover")]
    TooLarge,
    #[error("the job {0} occurs twice in one call; send it once")]
    DuplicateJob(JobId),
    #[error("a job may exclude at most {0} workers")]
    TooManyExcluded(usize),
    #[error(
        "this device has unused tickets for many jobs; use those, or try again in {} ms",
        RETRY_SOON.as_millis()
    )]
    OverQuota,
    #[error("no worker can take the job now; try again in {} ms", retry_after.as_millis())]
    Busy { retry_after: Duration },
}

impl PlaceError {
    /// The error code that clients see.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotLeader => ErrorCode::NoQuorum,
            Self::TooLarge => ErrorCode::TooLarge,
            Self::TooManyExcluded(_) | Self::DuplicateJob(_) => ErrorCode::BadRequest,
            Self::OverQuota | Self::Busy { .. } => ErrorCode::Busy,
        }
    }

    /// When to retry, where that helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotLeader | Self::OverQuota => Some(RETRY_SOON),
            Self::Busy { retry_after } => Some(*retry_after),
            Self::TooLarge | Self::TooManyExcluded(_) | Self::DuplicateJob(_) => None,
        }
    }
}
