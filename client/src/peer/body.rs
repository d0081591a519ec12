//! The raw bytes that follow a message on a stream: a body to send, and a body being received.

use std::fmt;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::framing::{self, FrameError};
use super::transport::Reader;

/// Bytes that are copied at a time.
const STEP: usize = 64 * 1024;

/// A body to send: its length and a source of that many bytes.
pub struct Body {
    length: u64,
    source: Box<dyn AsyncRead + Send + Sync + Unpin>,
    progress: Option<Progress>,
}

/// Callback with the number of bytes handed to the network so far.
type Progress = Box<dyn FnMut(u64) + Send + Sync>;

/// A body that could not be received.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("a body of {length} bytes is over the limit of {limit}")]
    Oversized { length: u64, limit: u64 },
    #[error(transparent)]
    Stream(#[from] FrameError),
}

/// A failure while a body was sent: of its source, or of the stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("the bytes to send cannot be read: {0}")]
    Source(io::Error),
    #[error(transparent)]
    Stream(#[from] FrameError),
}

impl Body {
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::reader(bytes.len() as u64, io::Cursor::new(bytes))
    }

    /// The first `length` bytes of `source`. Sending fails when the source has fewer.
    pub fn reader(length: u64, source: impl AsyncRead + Send + Sync + Unpin + 'static) -> Self {
        Self {
            length,
            source: Box::new(source),
            progress: None,
        }
    }

    /// Calls `progress` with the number of bytes handed to the network so far.
    pub fn with_progress(mut self, progress: impl FnMut(u64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub(super) async fn send<W: AsyncWrite + Unpin>(
        mut self,
        stream: &mut W,
    ) -> Result<(), SendError> {
        let mut buffer = vec![0; STEP];
        let mut left = self.length;
        while left > 0 {
            let step = left.min(STEP as u64) as usize;
            let count = self
                .source
                .read(&mut buffer[..step])
                .await
                .map_err(SendError::Source)?;
            if count == 0 {
                return Err(SendError::Source(io::ErrorKind::UnexpectedEof.into()));
            }
            framing::write_all(stream, &buffer[..count]).await?;
            left -= count as u64;
            if let Some(progress) = &mut self.progress {
                progress(self.length - left);
            }
        }
        Ok(())
    }
}

/// A body being received. It is read as it arrives and no memory is allocated ahead, so that a
/// length stated by an unknown peer costs nothing. Its time is bounded by its length.
pub struct ReceivedBody {
    length: u64,
    left: u64,
    until: Instant,
    reader: Reader,
}

impl ReceivedBody {
    pub(super) fn new(length: u64, reader: Reader) -> Self {
        Self {
            length,
            left: length,
            until: Instant::now() + framing::body_time(length),
            reader,
        }
    }

    /// Length in bytes that the message stated.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that have not been read yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Fills `buffer`, which must not be longer than [`ReceivedBody::left`].
    pub async fn read_exactly(&mut self, buffer: &mut [u8]) -> Result<(), BodyError> {
        if buffer.len() as u64 > self.left {
            return Err(FrameError::Truncated.into());
        }
        timeout_at(self.until, framing::read_exactly(&mut self.reader, buffer))
            .await
            .map_err(|_| FrameError::TooSlow)??;
        self.left -= buffer.len() as u64;
        Ok(())
    }

    /// Reads the rest, at most `limit` bytes, and requires the end of the stream after it.
    pub async fn collect(mut self, limit: u64) -> Result<Bytes, BodyError> {
        if self.left > limit {
            return Err(BodyError::Oversized {
                length: self.length,
                limit,
            });
        }
        let mut all = Vec::new();
        while self.left > 0 {
            let start = all.len();
            all.resize(start + self.left.min(STEP as u64) as usize, 0);
            self.read_exactly(&mut all[start..]).await?;
        }
        self.end().await?;
        Ok(all.into())
    }

    /// Requires that the whole body was read and that the stream ends after it.
    pub async fn end(mut self) -> Result<(), BodyError> {
        if self.left > 0 {
            return Err(FrameError::Trailing.into());
        }
        Ok(framing::expect_end(&mut self.reader).await?)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Body")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReceivedBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReceivedBody")
            .field("length", &self.length)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
