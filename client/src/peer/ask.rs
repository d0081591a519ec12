//! The asking end of a request: connect, send it, hear the answer.
//!
//! While an answer is due the peer is never silent for long: it pings. So a peer that
//! was killed is noticed after [`framing::SILENCE`], however long the work may take.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

use super::body::{Body, ReceivedBody, SendError};
use super::framing::{self, Frame, FrameError, PeerMessage};
use super::transport::{
    CONNECT_DEADLINE, ConnectError, Exchange, PeerAddress, PeerTransport, Reader, Refusal, Writer,
};

/// `deadline` for a request that is answered from memory: an acknowledgement.
pub const ACK_DEADLINE: Duration = Duration::from_secs(5);

/// `deadline` for a request whose answer takes work or whose body is large.
pub const WORK_DEADLINE: Duration = Duration::from_secs(600);

#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Never connected, so nothing was delivered.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    /// Connected, then silence or a cut: the peer may or may not have acted.
    #[error("the peer was lost before it answered: {0}")]
    Lost(String),
    /// The peer does not admit this device's key.
    #[error("the peer does not admit this device")]
    Rejected,
    #[error("the peer is busy")]
    Busy,
    /// Who answers at the address does not hold the device key of the address.
    #[error("another device answers at the peer's address")]
    WrongIdentity,
    #[error("the peer and this device do not understand each other: {0}")]
    Protocol(String),
    /// Our own body could not be read.
    #[error("the bytes to send cannot be read: {0}")]
    Body(#[source] io::Error),
}

impl AskError {
    /// True when trying again later may help: the peer is away, not unwilling.
    pub fn is_offline(&self) -> bool {
        matches!(
            self,
            AskError::Unreachable(_) | AskError::Lost(_) | AskError::Busy
        )
    }
}

/// Sends `request` with its body and returns the answer with its body, still to be read.
///
/// `deadline` bounds connecting (with [`CONNECT_DEADLINE`]), sending, and waiting for
/// the answer's message; the answer's body is bounded by silence alone.
///
/// # Panics
/// When `body` is not as long as `request` says.
pub async fn ask<Q: PeerMessage, R: PeerMessage>(
    transport: &dyn PeerTransport,
    peer: &PeerAddress,
    request: &Q,
    body: Option<Body>,
    deadline: Duration,
) -> Result<(R, Option<ReceivedBody>), AskError> {
    let announced = request.body_length();
    let attached = body.as_ref().map_or(0, Body::length);
    assert_eq!(announced, attached, "a request names its body's length");
    let request = framing::encode(request).map_err(protocol)?;

    let end = Instant::now() + deadline;
    let exchange = transport
        .connect(peer, deadline.min(CONNECT_DEADLINE))
        .await?;
    match timeout_at(end, converse(exchange, request, body)).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::Lost(format!(
            "no answer within {} ms",
            deadline.as_millis()
        ))),
    }
}

/// Sends and listens at once: a peer may refuse before it has taken the whole body.
async fn converse<R: PeerMessage>(
    exchange: Exchange,
    request: Vec<u8>,
    body: Option<Body>,
) -> Result<(R, Option<ReceivedBody>), AskError> {
    let Exchange { reader, writer } = exchange;
    let mut sending = std::pin::pin!(send(writer, request, body));
    let mut hearing = std::pin::pin!(hear::<R>(reader));
    let mut sent = false;
    loop {
        tokio::select! {
            biased;
            answer = &mut hearing => return answer,
            result = &mut sending, if !sent => match result {
                Err(SendError::Source(error)) => return Err(AskError::Body(error)),
                // When the stream fails the listening half knows why.
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

async fn hear<R: PeerMessage>(mut reader: Reader) -> Result<(R, Option<ReceivedBody>), AskError> {
    let bytes = loop {
        match framing::read_frame(&mut reader).await.map_err(lost)? {
            Frame::Ping => {}
            Frame::Message(bytes) => break bytes,
        }
    };
    let message: R = framing::decode(&bytes).map_err(protocol)?;
    match message.body_length() {
        0 => {
            framing::expect_end(&mut reader).await.map_err(lost)?;
            Ok((message, None))
        }
        length => Ok((message, Some(ReceivedBody::new(length, reader)))),
    }
}

fn protocol(error: FrameError) -> AskError {
    AskError::Protocol(error.to_string())
}

fn lost(error: FrameError) -> AskError {
    match error {
        FrameError::Io(error) => match Refusal::of(&error) {
            Some(Refusal::Rejected) => AskError::Rejected,
            Some(Refusal::Busy) => AskError::Busy,
            Some(refusal @ Refusal::Malformed) => AskError::Protocol(refusal.to_string()),
            None => AskError::Lost(error.to_string()),
        },
        FrameError::Silent | FrameError::Truncated => AskError::Lost(error.to_string()),
        other => protocol(other),
    }
}

impl From<ConnectError> for AskError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Unreachable(why) => AskError::Unreachable(why),
            ConnectError::WrongIdentity => AskError::WrongIdentity,
            ConnectError::OtherVersion | ConnectError::InvalidKey | ConnectError::Ourselves => {
                AskError::Protocol(error.to_string())
            }
        }
    }
}
