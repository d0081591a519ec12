//! A carrier on its way from its slot to its client.
//!
//! The slot never waits: what the client has not taken lies in the pipe, counted by the memory budget, and is
//! thrown away when the client takes too long. A carrier that breaks off ends in an error and never in an end.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::task::AbortHandle;

use super::error::JobError;
use super::hold::Hold;
use super::pipe::Pipe;

/// Time that a client has to take its carrier, from its first piece on.
pub const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// A carrier that has begun to come: its PNG in pieces. Dropped, its job is given up.
pub struct Carrier {
    pipe: Arc<Pipe>,
    /// None once all of it was taken.
    hold: Option<Arc<Hold>>,
    late: AbortHandle,
}

impl Carrier {
    pub(crate) fn new(pipe: Arc<Pipe>, hold: Arc<Hold>, deadline: Duration) -> Self {
        let late = cut_late(deadline, Arc::downgrade(&pipe), Arc::downgrade(&hold));
        let late = tokio::spawn(late);
        Self {
            pipe,
            hold: Some(hold),
            late: late.abort_handle(),
        }
    }
}

/// A client that does not take its carrier keeps neither the memory nor the place.
async fn cut_late(deadline: Duration, pipe: Weak<Pipe>, hold: Weak<Hold>) {
    tokio::time::sleep(deadline).await;
    if let Some(pipe) = pipe.upgrade() {
        pipe.cut(JobError::TakenTooSlowly);
    }
    if let Some(hold) = hold.upgrade() {
        hold.let_go();
    }
}

impl Stream for Carrier {
    type Item = Result<Bytes, JobError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.pipe.poll_piece(cx);
        if let Poll::Ready(None) = piece {
            self.hold = None;
        }
        piece
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.late.abort();
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carrier of {} bytes so far", self.pipe.written())
    }
}
