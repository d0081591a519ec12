//! The pipe from a slot's thread, which writes a picture, to its client's task, which takes it.
//!
//! The slot never waits: what the client has not taken lies in the pipe, counted by the memory
//! budget.

use std::collections::VecDeque;
use std::io;

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::error::JobError;

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

    pub(crate) fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, JobError>>> {
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
        self.0.lock()
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
