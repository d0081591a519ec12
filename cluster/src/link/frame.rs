//! Frames: `u32 length | u8 kind | u64 id | body`, integers little endian.
//!
//! The length counts the bytes after it. A frame above the limit closes the connection before its
//! body is read.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The largest body of a frame. Appends are limited to it, and snapshots are sent in chunks.
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// Most requests in flight on one connection. The server reads no more; a client gets `Busy`.
pub const MAX_IN_FLIGHT: usize = 4096;
/// The largest body of a hello, which has a few hundred bytes.
pub(super) const MAX_HELLO_BYTES: usize = 1024;
/// Longest time without a byte in the middle of a frame.
const FRAME_STALL: Duration = Duration::from_secs(10);
const LENGTH_BYTES: usize = 4;
/// Kind and id, which the length includes.
const HEAD_BYTES: usize = 1 + 8;
const READ_BYTES: usize = 64 << 10;

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hello,
    Request,
    Reply,
    /// The peer does not serve the request; the body is the reason in words.
    Denied,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Hello => 0,
            Kind::Request => 1,
            Kind::Reply => 2,
            Kind::Denied => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Kind::Hello),
            1 => Some(Kind::Request),
            2 => Some(Kind::Reply),
            3 => Some(Kind::Denied),
            _ => None,
        }
    }
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub kind: Kind,
    pub id: u64,
    pub body: Bytes,
}

/// Appends a frame to `out`. The caller keeps the body within [`MAX_BODY_BYTES`].
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, id: u64, body: &[u8]) {
    debug_assert!(body.len() <= MAX_BODY_BYTES);
    let length = (HEAD_BYTES + body.len()) as u32;
    out.reserve(LENGTH_BYTES + HEAD_BYTES + body.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind.byte());
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(body);
}

/// Reads frames from a stream. Cancelling [`FrameReader::next`] loses nothing.
pub(super) struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
    limit: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// The next frame; `None` when the stream ends between two frames.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(READ_BYTES);
            let read = if self.buffer.is_empty() {
                self.stream.read_buf(&mut self.buffer).await?
            } else {
                timeout(FRAME_STALL, self.stream.read_buf(&mut self.buffer))
                    .await
                    .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "frame stalled"))??
            };
            if read == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    fn take(&mut self) -> io::Result<Option<Frame>> {
        let Some(prefix) = self.buffer.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length < HEAD_BYTES || length > HEAD_BYTES + self.limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("frame of {length} bytes; at most {} here", self.limit),
            ));
        }
        if self.buffer.len() < LENGTH_BYTES + length {
            self.buffer
                .reserve(LENGTH_BYTES + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        let mut frame = self.buffer.split_to(length).freeze();
        let kind = frame.get_u8();
        let id = frame.get_u64_le();
        match Kind::of(kind) {
            Some(kind) => Ok(Some(Frame {
                kind,
                id,
                body: frame,
            })),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("frame of unknown kind {kind}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_header_is_pinned() {
        let mut out = Vec::new();
        put(&mut out, Kind::Reply, 0x0102_0304_0506_0708, b"hi");
        assert_eq!(
            out,
            [
                11, 0, 0, 0, // length: kind, id and body
                2, // reply
                8, 7, 6, 5, 4, 3, 2, 1, // id
                b'h', b'i'
            ]
        );
    }

    #[tokio::test]
    async fn frames_are_read_whole_from_small_reads() {
        let mut bytes = Vec::new();
        put(&mut bytes, Kind::Request, 1, &[7; 1000]);
        put(&mut bytes, Kind::Denied, 2, b"");
        let mut stream = tokio_stream_of(bytes, 3);
        let mut reader = FrameReader::new(&mut stream, 1000);
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!(
            (first.kind, first.id, first.body.len()),
            (Kind::Request, 1, 1000)
        );
        let second = reader.next().await.unwrap().unwrap();
        assert_eq!(
            (second.kind, second.id, second.body.len()),
            (Kind::Denied, 2, 0)
        );
        assert_eq!(reader.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_oversized_short_unknown_or_truncated_frame_is_an_error() {
        let mut big = Vec::new();
        put(&mut big, Kind::Request, 1, &[7; 1001]);
        let mut unknown = Vec::new();
        put(&mut unknown, Kind::Request, 1, b"");
        unknown[4] = 9;
        let mut truncated = Vec::new();
        put(&mut truncated, Kind::Request, 1, b"abc");
        truncated.pop();
        for bytes in [big, unknown, truncated, vec![3, 0, 0, 0, 1, 2, 3]] {
            let mut stream = tokio_stream_of(bytes, 64);
            let mut reader = FrameReader::new(&mut stream, 1000);
            assert!(reader.next().await.is_err());
        }
    }

    /// A stream that returns at most `step` bytes a read.
    fn tokio_stream_of(bytes: Vec<u8>, step: usize) -> impl AsyncRead + Unpin {
        struct Slow(Vec<u8>, usize, usize);
        impl AsyncRead for Slow {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<io::Result<()>> {
                let end = self
                    .0
                    .len()
                    .min(self.1 + self.2)
                    .min(self.1 + buf.remaining());
                buf.put_slice(&self.0[self.1..end]);
                self.1 = end;
                std::task::Poll::Ready(Ok(()))
            }
        }
        Slow(bytes, 0, step)
    }
}
