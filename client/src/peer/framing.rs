//! Frames of a peer stream: u32 little-endian length, then one message in postcard.
//!
//! A length of zero is a *ping*: the answering side still works on the answer. Decoding is strict:
//! a message that does not re-encode to the same bytes is refused, because a lenient decoder would
//! accept trailing bytes and overlong integers.

use std::io;
use std::time::Duration;

use cameo_common::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Longest message in bytes, without its length and without the body after it.
pub const MESSAGE_LIMIT: usize = 64 * 1024;

/// Longest time without a byte from a peer that has to send. After it the peer counts as lost.
pub const SILENCE_TIMEOUT: Duration = Duration::from_millis(2500);

/// Interval of the answering side's pings.
pub const PING_INTERVAL: Duration = Duration::from_millis(500);

/// Longest time without progress while sending to a peer. After it the peer counts as lost.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Time that a request's message may take to arrive as a whole.
pub const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Time that every body may take, and how many of its bytes each second more is for. A peer that
/// sends or reads more slowly is given up: [`SILENCE_TIMEOUT`] alone would let one byte every two
/// seconds hold a stream for months.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const SLOWEST_BODY_BYTES_PER_SECOND: u64 = 32 << 10;

const LENGTH_BYTES: usize = 4;

/// Time that a body of this length may take.
pub fn body_time(length: u64) -> Duration {
    BODY_TIMEOUT + Duration::from_secs(length / SLOWEST_BODY_BYTES_PER_SECOND)
}

/// A message between peers, optionally followed by a raw body.
pub trait PeerMessage: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Length of the raw body after this message, in bytes; 0 for no body.
    fn body_length(&self) -> u64 {
        0
    }
}

/// A frame or body that could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the stream failed: {0}")]
    Io(#[from] io::Error),
    #[error("nothing was received for {} ms", SILENCE_TIMEOUT.as_millis())]
    Timeout,
    #[error("it took longer than such a message or body may take")]
    TooSlow,
    #[error("the stream ended inside a message")]
    Truncated,
    #[error("a message of {0} bytes is over the limit of {MESSAGE_LIMIT}")]
    Oversized(usize),
    #[error("a message was expected and the frame is empty")]
    Empty,
    #[error("a message is malformed")]
    Malformed,
    #[error("bytes follow after the expected end of the stream")]
    Trailing,
}

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Ping,
    Message(Vec<u8>),
}

/// The whole frame of `message`, length included.
///
/// # Errors
/// [`FrameError::Empty`] and [`FrameError::Oversized`] for messages without bytes or over
/// [`MESSAGE_LIMIT`].
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; LENGTH_BYTES];
    wire::append(&mut frame, message);
    let length = frame.len() - LENGTH_BYTES;
    if length == 0 {
        return Err(FrameError::Empty);
    }
    if length > MESSAGE_LIMIT {
        return Err(FrameError::Oversized(length));
    }
    frame[..LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// Decodes a message from exactly these bytes, in their only valid encoding.
pub fn decode<M: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<M, FrameError> {
    match wire::decode_prefix(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(FrameError::Trailing),
        Err(_) => Err(FrameError::Malformed),
    }
}

/// Reads one frame. The length is checked before memory is allocated for the message.
pub async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Frame, FrameError> {
    let mut prefix = [0; LENGTH_BYTES];
    read_exactly(stream, &mut prefix).await?;
    let length = u32::from_le_bytes(prefix) as usize;
    if length == 0 {
        return Ok(Frame::Ping);
    }
    if length > MESSAGE_LIMIT {
        return Err(FrameError::Oversized(length));
    }
    let mut bytes = vec![0; length];
    read_exactly(stream, &mut bytes).await?;
    Ok(Frame::Message(bytes))
}

/// Fills `buffer`; between any two bytes at most [`SILENCE_TIMEOUT`] may pass.
pub async fn read_exactly<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut [u8],
) -> Result<(), FrameError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match timeout(SILENCE_TIMEOUT, stream.read(&mut buffer[filled..])).await {
            Err(_) => return Err(FrameError::Timeout),
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok(0)) => return Err(FrameError::Truncated),
            Ok(Ok(count)) => filled += count,
        }
    }
    Ok(())
}

/// Requires the end of the stream.
pub async fn expect_end<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(), FrameError> {
    match timeout(SILENCE_TIMEOUT, stream.read(&mut [0; 1])).await {
        Err(_) => Err(FrameError::Timeout),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(0)) => Ok(()),
        Ok(Ok(_)) => Err(FrameError::Trailing),
    }
}

/// Writes all of `bytes`; between any two of them at most [`STALL_TIMEOUT`] may pass.
pub async fn write_all<S: AsyncWrite + Unpin>(
    stream: &mut S,
    mut bytes: &[u8],
) -> Result<(), FrameError> {
    while !bytes.is_empty() {
        match timeout(STALL_TIMEOUT, stream.write(bytes)).await {
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(Ok(count)) => bytes = &bytes[count..],
        }
    }
    Ok(())
}

/// Sends a ping to a peer that waits for an answer.
pub async fn write_ping<S: AsyncWrite + Unpin>(stream: &mut S) -> Result<(), FrameError> {
    match timeout(SILENCE_TIMEOUT, stream.write_all(&[0; LENGTH_BYTES])).await {
        Err(_) => Err(FrameError::Timeout),
        Ok(written) => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Greeting {
        version: u32,
        name: String,
    }

    fn greeting() -> Greeting {
        Greeting {
            version: 300,
            name: "ada".into(),
        }
    }

    #[test]
    fn the_bytes_of_a_frame_are_pinned() {
        let frame = encode(&greeting()).unwrap();
        // length 6, LE | varint 300 | length of the name | the name
        assert_eq!(frame, b"\x06\0\0\0\xac\x02\x03ada");
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&greeting()).unwrap()[LENGTH_BYTES..].to_vec();
        bytes.push(0);
        assert!(matches!(
            decode::<Greeting>(&bytes),
            Err(FrameError::Trailing)
        ));
    }

    #[test]
    fn an_overlong_integer_is_refused() {
        // 3 in two bytes: a name of three letters for a decoder that is not strict.
        let bytes = b"\xac\x02\x83\x00ada";
        assert!(wire::peek::<Greeting>(bytes).is_ok());
        assert!(matches!(
            decode::<Greeting>(bytes),
            Err(FrameError::Malformed)
        ));
    }

    #[test]
    fn an_oversized_message_is_not_sent() {
        let message = Greeting {
            version: 1,
            name: "x".repeat(MESSAGE_LIMIT),
        };
        assert!(matches!(encode(&message), Err(FrameError::Oversized(_))));
    }

    #[tokio::test]
    async fn attack_an_oversized_frame_is_refused_by_its_length_alone() {
        let mut stream: &[u8] = &(MESSAGE_LIMIT as u32 + 1).to_le_bytes();
        let read = read_frame(&mut stream).await;
        assert!(matches!(read, Err(FrameError::Oversized(65537))));
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_is_refused() {
        let frame = encode(&greeting()).unwrap();
        for cut in 0..frame.len() {
            let read = read_frame(&mut &frame[..cut]).await;
            assert!(matches!(read, Err(FrameError::Truncated)), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn a_decoded_message_encodes_to_the_same_bytes(
            bytes in prop::collection::vec(any::<u8>(), 0..24),
        ) {
            if let Ok(message) = decode::<Greeting>(&bytes) {
                prop_assert_eq!(&encode(&message).unwrap()[LENGTH_BYTES..], &bytes[..]);
            }
        }
    }
}
