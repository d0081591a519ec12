//! The commands' end of the control socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use cameo_common::ids::whole_millis;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{
    ControlAction, ControlReply, ControlRequest, Messages, NotConnected, SocketPath, VERSION,
};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::notices::Notice;
use crate::peer::transport::{Incoming, Refusal};
use crate::peer::{ConnectError, DeviceKey, Exchange, PeerAddress, PeerTransport};
use crate::vault::Home;

/// In place of a frame's length: the peer refused, and the refusal's code follows.
pub(super) const REFUSED: u32 = u32::MAX;
/// Longest frame, in bytes.
const MAX_FRAME: u32 = 64 * 1024;
/// Frames that are buffered for the command.
const FRAME_QUEUE: usize = 16;
/// An agent that does not answer within this time counts as not running.
const AGENT_TIMEOUT: Duration = Duration::from_secs(2);

/// The agent's endpoint as the transport of a command. It connects and accepts nothing.
#[derive(Debug, Clone)]
pub struct ControlTransport {
    home: Home,
    device: DeviceKey,
}

impl ControlTransport {
    /// A transport through the agent of this home, whose device has this key.
    #[must_use]
    pub fn to(home: &Home, device: DeviceKey) -> Self {
        Self {
            home: home.clone(),
            device,
        }
    }

    async fn dial(&self, peer: &PeerAddress, deadline: Duration) -> Result<Exchange, ConnectError> {
        let connect = ControlAction::Connect {
            peer: peer.clone(),
            deadline_ms: whole_millis(deadline),
        };
        let reply = timeout(deadline + AGENT_TIMEOUT, call(&self.home, connect)).await;
        let failed = |why: &str| ConnectError::Unreachable(format!("this home's agent {why}"));
        match reply {
            Err(_) => Err(failed("does not answer")),
            Ok(Err(error)) => Err(failed(&format!("does not answer: {error}"))),
            Ok(Ok((stream, ControlReply::Connected))) => {
                let (reader, writer) = stream.into_split();
                Ok(Exchange {
                    reader: Box::new(Framed::new(reader)),
                    writer: Box::new(writer),
                })
            }
            Ok(Ok((_, ControlReply::NotConnected { why, text }))) => Err(match why {
                NotConnected::Unreachable => ConnectError::Unreachable(text),
                NotConnected::WrongIdentity => ConnectError::WrongIdentity,
                NotConnected::OtherVersion => ConnectError::OtherVersion,
                NotConnected::InvalidKey => ConnectError::InvalidKey,
                NotConnected::OwnAddress => ConnectError::OwnAddress,
            }),
            Ok(Ok(_)) => Err(failed("is of another version; restart it")),
        }
    }
}

impl PeerTransport for ControlTransport {
    fn device(&self) -> DeviceKey {
        self.device
    }

    fn local_addresses(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    fn connect<'a>(
        &'a self,
        peer: &'a PeerAddress,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Exchange, ConnectError>> {
        Box::pin(self.dial(peer, deadline))
    }

    fn accept(&self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(std::future::ready(None))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The agent of this home is of a version with other messages, records or locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the agent that runs on this home is of another version than this `cameo`: stop it and \
     start it again with `cameo agent`"
)]
pub struct OtherVersion;

impl Classified for OtherVersion {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// Whether an agent of this home runs and answers.
///
/// # Errors
/// When the agent is of another version.
pub async fn answers(home: &Home) -> Result<bool, OtherVersion> {
    match timeout(AGENT_TIMEOUT, call(home, ControlAction::Ping)).await {
        Ok(Ok((_, ControlReply::Pong))) => Ok(true),
        Ok(Ok((_, ControlReply::UnknownVersion { .. }))) => Err(OtherVersion),
        _ => Ok(false),
    }
}

/// Makes the agent look for pending work now. False when no agent runs.
pub async fn wake(home: &Home) -> bool {
    matches!(
        timeout(AGENT_TIMEOUT, call(home, ControlAction::Wake)).await,
        Ok(Ok((_, ControlReply::Woken)))
    )
}

/// The agent's notices, as they are sent.
#[derive(Debug)]
pub struct NoticeStream(Messages<UnixStream>);

/// Subscribes to the notices of this home's agent. `None` when no agent runs.
pub async fn follow(home: &Home) -> Option<NoticeStream> {
    match timeout(AGENT_TIMEOUT, call(home, ControlAction::Follow)).await {
        Ok(Ok((stream, ControlReply::Following))) => Some(NoticeStream(Messages::of(stream))),
        _ => None,
    }
}

impl NoticeStream {
    /// The next notice. Cancel safe.
    ///
    /// # Errors
    /// When the agent stops.
    pub async fn next(&mut self) -> io::Result<Notice> {
        self.0.next().await
    }
}

pub(super) async fn call(
    home: &Home,
    action: ControlAction,
) -> io::Result<(UnixStream, ControlReply)> {
    let socket = SocketPath::of(home)?;
    let mut stream = UnixStream::connect(&socket.path).await?;
    let request = ControlRequest {
        version: VERSION,
        action,
    };
    super::write(&mut stream, &request).await?;
    let reply = super::read(&mut stream).await?;
    Ok((stream, reply))
}

/// The peer's bytes, taken out of their frames.
struct Framed {
    frames: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Framed {
    fn new(mut reader: OwnedReadHalf) -> Self {
        let (found, frames) = mpsc::channel(FRAME_QUEUE);
        tokio::spawn(async move {
            loop {
                let frame = next_frame(&mut reader).await;
                let ended = !matches!(&frame, Ok(bytes) if !bytes.is_empty());
                if found.send(frame).await.is_err() || ended {
                    return;
                }
            }
        });
        Self {
            frames,
            rest: Bytes::new(),
        }
    }
}

async fn next_frame(reader: &mut OwnedReadHalf) -> io::Result<Bytes> {
    match reader.read_u32_le().await? {
        REFUSED => {
            let code = reader.read_u32_le().await?;
            Err(Refusal::from_code(u64::from(code))
                .map_or_else(|| io::ErrorKind::ConnectionAborted.into(), io::Error::from))
        }
        length if length > MAX_FRAME => Err(io::ErrorKind::InvalidData.into()),
        length => {
            let mut bytes = vec![0; length as usize];
            reader.read_exact(&mut bytes).await?;
            Ok(bytes.into())
        }
    }
}

impl AsyncRead for Framed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match self.frames.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
            }
        }
        let step = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..step]);
        self.rest.advance(step);
        Poll::Ready(Ok(()))
    }
}
