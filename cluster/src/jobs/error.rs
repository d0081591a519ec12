//! Why a job is not placed, or not done.

use std::time::Duration;

use cameo_codec::job::{self, MAX_INPUT};
use cameo_common::api::ErrorCode;
use cameo_common::ids::JobId;

use super::leader::ticket::TicketError;

/// A node that is not ready asks to come back after this.
const SOON: Duration = Duration::from_millis(250);

/// Why a worker did not do a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Ticket(#[from] TicketError),
    #[error("this node is not part of a cluster yet; try again")]
    NotFormed,
    #[error("the worker has as many jobs as it holds; ask the leader for another worker")]
    QueueFull { retry_after: Duration },
    #[error(
        "the job's input is longer than the {limit} bytes that this worker lends to inputs; use a smaller photo or cover, or ask the leader for another worker"
    )]
    InputTooLong { limit: u64 },
    #[error(
        "the job would take {needs} bytes of memory, and this worker lends {limit}; a cover of at most {pixels} pixels would do, or ask the leader for another worker"
    )]
    PicturesTooLarge {
        needs: u64,
        limit: u64,
        /// Of the largest cover that would do, the rest of the job being what it is.
        pixels: u64,
    },
    #[error("the worker is stopping; ask the leader for another")]
    Draining,
    #[error("{0}; send a job of a layout that this cluster knows")]
    Input(#[from] job::JobError),
    #[error("the picture cannot be made: {0}")]
    Hide(String),
    #[error("the job was given up: its client had gone")]
    GivenUp,
    #[error("the carrier was taken too slowly, and thrown away; ask again")]
    TakenTooSlowly,
    #[error("the worker failed at this job; its log says why")]
    Failed,
}

impl JobError {
    /// What it means for programs.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Ticket(TicketError::NewerTerm { .. }) | Self::NotFormed | Self::Draining => {
                ErrorCode::Unavailable
            }
            Self::Ticket(TicketError::TooLarge) => ErrorCode::TooLarge,
            Self::Ticket(_) => ErrorCode::BadTicket,
            Self::QueueFull { .. } => ErrorCode::Busy,
            Self::InputTooLong { .. } | Self::PicturesTooLarge { .. } => ErrorCode::WorkerTooSmall,
            Self::GivenUp | Self::TakenTooSlowly => ErrorCode::Unavailable,
            Self::Input(_) | Self::Hide(_) => ErrorCode::BadJob,
            Self::Failed => ErrorCode::Internal,
        }
    }

    /// When to come back, where that helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QueueFull { retry_after } => Some(*retry_after),
            Self::Ticket(TicketError::NewerTerm { .. } | TicketError::InUse)
            | Self::NotFormed
            | Self::Draining => Some(SOON),
            _ => None,
        }
    }
}

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
    BookedEnough,
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
            Self::BookedEnough | Self::Busy { .. } => ErrorCode::Busy,
        }
    }

    /// When to come back, where that helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotLeader | Self::BookedEnough => Some(SOON),
            Self::Busy { retry_after } => Some(*retry_after),
            Self::TooLarge | Self::TooManyExcluded(_) | Self::Twice(_) => None,
        }
    }
}
