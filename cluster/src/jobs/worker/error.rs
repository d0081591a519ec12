//! Reasons for which a worker does not run a job.

use std::time::Duration;

use cameo_codec::job;
use cameo_common::api::ErrorCode;

use crate::jobs::retry::RETRY_SOON;
use crate::jobs::ticket::TicketError;

/// Why a worker did not run a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Ticket(#[from] TicketError),
    #[error("this node does not belong to a cluster yet; try again")]
    NotFormed,
    #[error("the worker is full; ask the leader for another worker")]
    QueueFull { retry_after: Duration },
    #[error(
        "the job's input is longer than the {limit} bytes that this worker has for inputs; \
         use a smaller photo or cover, or ask the leader for another worker"
    )]
    InputTooLong { limit: u64 },
    #[error(
        "the job needs {needs} bytes of memory, and this worker has {limit}; \
         use a cover of at most {pixels} pixels, or ask the leader for another worker"
    )]
    PicturesTooLarge {
        needs: u64,
        limit: u64,
        /// Pixels of the largest cover that would fit, with the rest of the job as it is.
        pixels: u64,
    },
    #[error("the worker is stopping; ask the leader for another worker")]
    Draining,
    #[error("{0}; send a job in a format that this cluster supports")]
    Input(#[from] job::JobError),
    #[error("the picture cannot be made: {0}")]
    Hide(String),
    #[error("the job was cancelled: its client disconnected")]
    Cancelled,
    #[error("the carrier was fetched too slowly and has been dropped; ask for a new ticket")]
    FetchedTooSlowly,
    #[error("the worker failed at this job; see its log for the reason")]
    Failed,
}

impl JobError {
    /// The error code that clients see.
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
            Self::Cancelled | Self::FetchedTooSlowly => ErrorCode::Unavailable,
            Self::Input(_) | Self::Hide(_) => ErrorCode::BadJob,
            Self::Failed => ErrorCode::Internal,
        }
    }

    /// When to retry, where that helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QueueFull { retry_after } => Some(*retry_after),
            Self::Ticket(TicketError::NewerTerm { .. } | TicketError::InUse)
            | Self::NotFormed
            | Self::Draining => Some(RETRY_SOON),
            _ => None,
        }
    }
}
