//! A carrier on its way from its slot to its client.
//!
//! The slot never waits: what the client has not taken lies in the pipe, counted by the memory budget, and is
//! thrown away when the client takes too long. A carrier that breaks off ends in an error and never in an end.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::task::AbortHandle;

use super::accepted_job::Hold;
use crate::jobs::error::JobError;

/// Time that a client has to take its carrier, from its first piece on.
pub const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(60);
/// Writes are put together to pieces of about this size.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// Between the slot's thread, which writes, and the client's task, which takes.
#[derive(Debug, Default)]
pub(crate) struct Pipe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    /// Bytes in all, taken ones included.
    written: u64,
    ended: Option<Result<(), JobError>>,
    taker: Option<Waker>,
}

impl Pipe {
    /// The carrier is whole, or there is none. The first end counts.
    pub(crate) fn end(&self, result: Result<(), JobError>) {
        let mut state = self.lock();
        state.ended.get_or_insert(result);
        state.wake();
    }

    /// Throws away what was not taken; nothing more is written.
    pub(crate) fn cut(&self, why: JobError) {
        let mut state = self.lock();
        state.pieces.clear();
        state.ended = Some(Err(why));
        state.wake();
    }

    pub(crate) fn written(&self) -> u64 {
        self.lock().written
    }

    /// Ready with the first piece, or with the reason why none will come.
    pub(crate) fn poll_begun(&self, cx: &mut Context<'_>) -> Poll<Result<(), JobError>> {
        let mut state = self.lock();
        match &state.ended {
            Some(Err(why)) => Poll::Ready(Err(why.clone())),
            Some(Ok(())) => Poll::Ready(Ok(())),
            None if !state.pieces.is_empty() => Poll::Ready(Ok(())),
            None => state.wait(cx),
        }
    }

    fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, JobError>>> {
        let mut state = self.lock();
        if let Some(piece) = state.pieces.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        match &state.ended {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(why)) => Poll::Ready(Some(Err(why.clone()))),
            None => state.wait(cx),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.taker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wake(&mut self) {
        if let Some(taker) = self.taker.take() {
            taker.wake();
        }
    }
}

impl io::Write for &Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.ended.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.pieces.push_back(Bytes::copy_from_slice(bytes));
        state.written += bytes.len() as u64;
        state.wake();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
