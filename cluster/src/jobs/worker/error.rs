//! Why a job is not done.

use std::time::Duration;

use cameo_codec::job;
use cameo_common::api::ErrorCode;

use crate::jobs::leader::error::SOON;
use crate::jobs::leader::ticket::TicketError;

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
