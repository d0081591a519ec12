//! A carrier that is sent from its slot to its client while it is produced.
//!
//! The slot never waits: bytes that the client has not fetched stay in the pipe, count in the
//! memory budget, and are dropped when the client is too slow. A carrier that breaks off ends with
//! an error, never with a regular end.

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

/// Time that a client has to fetch its carrier, from the first piece on.
pub const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// A carrier that is being produced: its PNG in pieces. Dropping it cancels its job.
pub struct Carrier {
    pipe: Arc<Pipe>,
    /// None once all of it has been fetched.
    hold: Option<Arc<Hold>>,
    timeout: AbortHandle,
}

impl Carrier {
    pub(crate) fn new(pipe: Arc<Pipe>, hold: Arc<Hold>, deadline: Duration) -> Self {
        let timeout = cancel_when_late(deadline, Arc::downgrade(&pipe), Arc::downgrade(&hold));
        let timeout = tokio::spawn(timeout);
        Self {
            pipe,
            hold: Some(hold),
            timeout: timeout.abort_handle(),
        }
    }
}

/// Frees the memory and the place of a job whose client does not fetch its carrier in time.
async fn cancel_when_late(deadline: Duration, pipe: Weak<Pipe>, hold: Weak<Hold>) {
    tokio::time::sleep(deadline).await;
    if let Some(pipe) = pipe.upgrade() {
        pipe.abort(JobError::FetchedTooSlowly);
    }
    if let Some(hold) = hold.upgrade() {
        hold.cancel();
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
        self.timeout.abort();
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carrier of {} bytes so far", self.pipe.written())
    }
}
