//! Pipe from a slot's thread, which writes a picture, to its client's task, which reads it.
//!
//! The slot never waits: bytes that the client has not read stay in the pipe and count in the
//! memory budget.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use super::error::JobError;

/// Writes are combined to pieces of about this size.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// A pipe of unbounded length with one writer and one reader.
#[derive(Debug, Default)]
pub(crate) struct Pipe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    /// Bytes written in all, including those already read.
    written: u64,
    ended: Option<Result<(), JobError>>,
    reader: Option<Waker>,
}

impl Pipe {
    /// Ends the carrier, or reports why there is none. Only the first call counts.
    pub(crate) fn end(&self, result: Result<(), JobError>) {
        let mut state = self.0.lock();
        state.ended.get_or_insert(result);
        state.wake();
    }

    /// Drops the bytes not yet read; later writes fail.
    pub(crate) fn abort(&self, why: JobError) {
        let mut state = self.0.lock();
        state.pieces.clear();
        state.ended = Some(Err(why));
        state.wake();
    }

    /// Drops the bytes not yet read, and ends as if there were no more.
    pub(crate) fn lose(&self) {
        let mut state = self.0.lock();
        state.pieces.clear();
        state.ended = Some(Ok(()));
        state.wake();
    }

    pub(crate) fn written(&self) -> u64 {
        self.0.lock().written
    }

    /// Ready with the first piece, or with the reason why there will be none.
    pub(crate) fn poll_begun(&self, cx: &mut Context<'_>) -> Poll<Result<(), JobError>> {
        let mut state = self.0.lock();
        match &state.ended {
            Some(Err(why)) => Poll::Ready(Err(why.clone())),
            Some(Ok(())) => Poll::Ready(Ok(())),
            None if !state.pieces.is_empty() => Poll::Ready(Ok(())),
            None => state.wait(cx),
        }
    }

    pub(crate) fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, JobError>>> {
        let mut state = self.0.lock();
        if let Some(piece) = state.pieces.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        match &state.ended {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(why)) => Poll::Ready(Some(Err(why.clone()))),
            None => state.wait(cx),
        }
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl io::Write for &Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
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
