//! The requesting end of one peer request: connect, send, receive the answer.
//!
//! A peer that works on an answer sends pings. A peer that was killed is therefore noticed after
//! [`framing::SILENCE_TIMEOUT`], however long the work takes.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

use super::body::{Body, ReceivedBody, SendError};
use super::framing::{self, Frame, FrameError, PeerMessage};
use super::transport::{
    CONNECT_DEADLINE, ConnectError, Exchange, PeerAddress, PeerTransport, Reader, Refusal, Writer,
};

/// `deadline` for a request that is answered from memory, such as an acknowledgement.
pub const ACK_DEADLINE: Duration = Duration::from_secs(5);

/// `deadline` for a request whose answer takes work or whose body is large.
pub const WORK_DEADLINE: Duration = Duration::from_secs(600);

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Never connected, so nothing was delivered.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    /// The connection was made and then lost: the peer may or may not have acted.
    #[error("the peer was lost before it answered: {0}")]
    Lost(String),
    /// The peer does not admit this device's key.
    #[error("the peer does not admit this device")]
    Rejected,
    #[error("the peer is busy")]
    Busy,
    /// The device at the address does not hold the expected device key.
    #[error("another device answers at the peer's address")]
    WrongIdentity,
    #[error("the two devices do not understand each other: {0}")]
    Protocol(String),
    /// The local source of the body could not be read.
    #[error("the bytes to send cannot be read: {0}")]
    Body(#[source] io::Error),
}

impl AskError {
    /// True when a later attempt may succeed: the peer is away, and has not refused.
    pub fn is_offline(&self) -> bool {
        matches!(
            self,
            AskError::Unreachable(_) | AskError::Lost(_) | AskError::Busy
        )
    }
}

/// Sends `request` with its body. Returns the answer, and its body still to be read.
///
/// `deadline` bounds connecting (with [`CONNECT_DEADLINE`]), sending, and waiting for the answer's
/// message. The time of the answer's body is bounded by its length, see [`framing::body_time`].
///
/// # Panics
/// When the length of `body` differs from `request.body_length()`.
pub async fn ask<Q: PeerMessage, R: PeerMessage>(
    transport: &dyn PeerTransport,
    peer: &PeerAddress,
    request: &Q,
    body: Option<Body>,
    deadline: Duration,
) -> Result<(R, Option<ReceivedBody>), AskError> {
    let announced = request.body_length();
    let attached = body.as_ref().map_or(0, Body::length);
    assert_eq!(announced, attached, "a request states its body's length");
    let request = framing::encode(request).map_err(protocol_error)?;

    let end = Instant::now() + deadline;
    let exchange = transport
        .connect(peer, deadline.min(CONNECT_DEADLINE))
        .await?;
    match timeout_at(end, exchange_messages(exchange, request, body)).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::Lost(format!(
            "no answer within {} ms",
            deadline.as_millis()
        ))),
    }
}

/// Sends and receives concurrently: a peer may refuse before it has read the whole body.
async fn exchange_messages<R: PeerMessage>(
    exchange: Exchange,
    request: Vec<u8>,
    body: Option<Body>,
) -> Result<(R, Option<ReceivedBody>), AskError> {
    let Exchange { reader, writer } = exchange;
    let mut sending = std::pin::pin!(send(writer, request, body));
    let mut receiving = std::pin::pin!(receive::<R>(reader));
    let mut sent = false;
    loop {
        tokio::select! {
            biased;
            answer = &mut receiving => return answer,
            result = &mut sending, if !sent => match result {
                Err(SendError::Source(error)) => return Err(AskError::Body(error)),
                // The receiving half reports why the stream failed.
                Ok(_) | Err(SendError::Stream(_)) => sent = true,
            },
        }
    }
}

async fn send(
    mut writer: Writer,
    request: Vec<u8>,
    body: Option<Body>,
) -> Result<Writer, SendError> {
    framing::write_all(&mut writer, &request).await?;
    if let Some(body) = body {
        body.send(&mut writer).await?;
    }
    writer.shutdown().await.map_err(FrameError::Io)?;
    Ok(writer)
}

async fn receive<R: PeerMessage>(
    mut reader: Reader,
) -> Result<(R, Option<ReceivedBody>), AskError> {
    let bytes = loop {
        match framing::read_frame(&mut reader)
            .await
            .map_err(stream_error)?
        {
            Frame::Ping => {}
            Frame::Message(bytes) => break bytes,
        }
    };
    let message: R = framing::decode(&bytes).map_err(protocol_error)?;
    match message.body_length() {
        0 => {
            framing::expect_end(&mut reader)
                .await
                .map_err(stream_error)?;
            Ok((message, None))
        }
        length => Ok((message, Some(ReceivedBody::new(length, reader)))),
    }
}

fn protocol_error(error: FrameError) -> AskError {
    AskError::Protocol(error.to_string())
}

fn stream_error(error: FrameError) -> AskError {
    match error {
        FrameError::Io(error) => match Refusal::of(&error) {
            Some(Refusal::Rejected) => AskError::Rejected,
            Some(Refusal::Busy) => AskError::Busy,
            Some(refusal @ Refusal::Malformed) => AskError::Protocol(refusal.to_string()),
            None => AskError::Lost(error.to_string()),
        },
        FrameError::Timeout | FrameError::TooSlow | FrameError::Truncated => {
            AskError::Lost(error.to_string())
        }
        other => protocol_error(other),
    }
}

impl From<ConnectError> for AskError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Unreachable(why) => AskError::Unreachable(why),
            ConnectError::WrongIdentity => AskError::WrongIdentity,
            ConnectError::OtherVersion | ConnectError::InvalidKey | ConnectError::OwnAddress => {
                AskError::Protocol(error.to_string())
            }
        }
    }
}
