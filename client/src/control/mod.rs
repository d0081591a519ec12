//! The control socket between the agent of a home and its commands.
//!
//! The socket is in the home and only its user can open it. A message is a u32 little-endian length
//! and then JSON, at most 64 KiB. A command sends one `ControlRequest`, the agent answers with one
//! `ControlReply`. After `Connected` the socket carries one exchange with a peer: the command's
//! bytes unchanged, the peer's in frames, so that a refusal differs from a broken stream. After
//! `Following` the agent sends [`Notice`](crate::flows::notices::Notice)s. `Show` hands an opened
//! photo over (`page`). Each request has a version; other versions are refused.

mod client;
mod page;
mod server;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use bytes::{Buf, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::peer::PeerAddress;
use crate::vault::Home;
use crate::viewer::{About, Step};

pub use client::{ControlTransport, NoticeStream, OtherVersion, answers, follow, wake};
pub use page::{AgentPage, show};
pub use server::{ControlDeps, ControlServer};

/// Version of the messages, and of the records and locks that agent and commands share.
const VERSION: u16 = 3;
/// Longest message, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Name of the socket in the home.
const SOCKET: &str = "agent.sock";
/// Longest path that fits into a socket address on every Unix.
const MAX_PATH: usize = 100;

/// A command's request to the agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlRequest {
    version: u16,
    #[serde(rename = "want")]
    action: ControlAction,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ControlAction {
    /// Test whether the agent answers.
    Ping,
    /// One exchange with a peer through the agent's endpoint.
    Connect { peer: PeerAddress, deadline_ms: u64 },
    /// Look for pending work now.
    Wake,
    /// Send notices from now on.
    Follow,
    /// Serve the page of an opened photo, whose bytes follow after `Room`.
    Show {
        about: About,
        media_type: String,
        length: u64,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ControlReply {
    Pong,
    Connected,
    NotConnected {
        why: NotConnected,
        text: String,
    },
    Woken,
    Following,
    /// The photo may be sent.
    Room,
    /// As many photos are kept as may be.
    NoRoom,
    Serving {
        url: String,
    },
    Page(Step),
    UnknownVersion {
        known: u16,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NotConnected {
    Unreachable,
    WrongIdentity,
    OtherVersion,
    InvalidKey,
    #[serde(rename = "ourselves")]
    OwnAddress,
}

/// Path of the socket. A path that is too long for a socket address goes through the open folder,
/// which therefore stays open while the path is used.
#[derive(Debug)]
struct SocketPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl SocketPath {
    fn of(home: &Home) -> std::io::Result<Self> {
        let path = home.path().join(SOCKET);
        if path.as_os_str().len() <= MAX_PATH {
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        let folder = File::open(home.path())?;
        Ok(Self {
            path: PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())),
            _folder: Some(folder),
        })
    }
}

async fn write<S: AsyncWrite + Unpin, M: Serialize>(
    stream: &mut S,
    message: &M,
) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(message).map_err(std::io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    stream.write_all(&length.to_le_bytes()).await?;
    stream.write_all(&bytes).await
}

/// Reads one message and no byte more. Not cancel safe.
async fn read<S: AsyncRead + Unpin, M: DeserializeOwned>(stream: &mut S) -> std::io::Result<M> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    serde_json::from_slice(&bytes).map_err(std::io::Error::other)
}

/// The messages of a stream, until it ends.
#[derive(Debug)]
struct Messages<S> {
    stream: S,
    /// Received bytes of the next messages.
    received: BytesMut,
}

impl<S: AsyncRead + Unpin> Messages<S> {
    fn of(stream: S) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
        }
    }

    /// The next message. Cancel safe: received bytes are kept.
    async fn next<M: DeserializeOwned>(&mut self) -> std::io::Result<M> {
        loop {
            if let Some(message) = self.take()? {
                return serde_json::from_slice(&message).map_err(std::io::Error::other);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next message, if it has been received completely.
    fn take(&mut self) -> std::io::Result<Option<BytesMut>> {
        let Some(length) = self.received.first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_MESSAGE {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if self.received.len() < size_of::<u32>() + length {
            return Ok(None);
        }
        self.received.advance(size_of::<u32>());
        Ok(Some(self.received.split_to(length)))
    }
}

#[cfg(test)]
mod tests;
