//! One direction of a proxied connection.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::chunk::CHUNK;
use super::link_state::{LinkState, Way};

/// Bytes of one direction that wait here; beyond them their sender waits.
const MOST_BYTES: usize = 256 * 1024;
/// Chunks that wait, however short.
const MOST_CHUNKS: usize = 1024;

/// What was read, in its order.
#[derive(Debug)]
enum Read {
    /// With the room that they take.
    Bytes(Vec<u8>, OwnedSemaphorePermit),
    /// The sender will send no more.
    End,
    /// The sender's kernel has reset the connection.
    Reset,
}

#[derive(Debug)]
struct Queued {
    due: Instant,
    read: Read,
}

/// The end of the queue that takes what was read.
#[derive(Debug)]
pub(super) struct Entry(mpsc::Sender<Queued>);

/// The end of the queue from which it goes on.
#[derive(Debug)]
pub(super) struct Exit(mpsc::Receiver<Queued>);

/// An empty queue.
pub(super) fn queue() -> (Entry, Exit) {
    let (sender, receiver) = mpsc::channel(MOST_CHUNKS);
    (Entry(sender), Exit(receiver))
}

impl Entry {
    /// Reads to the end of the stream.
    pub(super) async fn read(self, link: &LinkState, way: Way, mut from: impl AsyncRead + Unpin) {
        let room = Arc::new(Semaphore::new(MOST_BYTES));
        let mut buffer = vec![0; CHUNK];
        loop {
            link.has_room(way).await;
            let at_a_time = &mut buffer[..link.at_a_time()];
            let (length, read) = match from.read(at_a_time).await {
                Ok(0) => (0, Read::End),
                Err(_) => (0, Read::Reset),
                Ok(length) => {
                    let taken = u32::try_from(length).unwrap_or(u32::MAX);
                    let Ok(permit) = room.clone().acquire_many_owned(taken).await else {
                        return;
                    };
                    (length, Read::Bytes(buffer[..length].to_vec(), permit))
                }
            };
            let due = link.take(way, length);
            let is_last = length == 0;
            // Without its other end, nobody wants the rest.
            if self.0.send(Queued { due, read }).await.is_err() || is_last {
                return;
            }
        }
    }
}

impl Exit {
    /// Writes everything when it is due and the link carries it.
    ///
    /// # Errors
    /// When either end has reset the connection.
    pub(super) async fn write(
        mut self,
        link: &LinkState,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        while let Some(Queued { due, read }) = self.0.recv().await {
            sleep_until(due).await;
            link.carries().await;
            match read {
                Read::Bytes(bytes, _room) => to.write_all(&bytes).await?,
                Read::End => to.shutdown().await?,
                Read::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
        Ok(())
    }
}
