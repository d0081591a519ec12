//! How verbs reach the agent of their home: a socket in the home, which nobody else can open.
//!
//! u32 little-endian length, then JSON, up to 64 KiB. A verb says one `ControlRequest`; the agent
//! answers with one `ControlReply`. After `Connected` the socket carries one exchange with a
//! peer: the verb's bytes as they are, the peer's in frames, so that a refusal can be told from a
//! broken stream. After `Following` come [`Notice`](crate::flows::notices::Notice)s. The version is in each request; another one is refused.

mod client;
mod server;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use bytes::{Buf, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::peer::PeerAddress;
use crate::vault::Home;

pub use client::{ControlTransport, Following, OtherVersion, answers, follow, wake};
pub use server::{ControlServer, Doors};

/// Layout of the messages, and of the records and locks that agent and verbs share.
const VERSION: u16 = 2;
/// Longest message.
const MAX_MESSAGE: usize = 64 * 1024;
/// Name of the socket in the home.
const SOCKET: &str = "agent.sock";
/// Longest path that fits a socket's address on every Unix.
const MAX_PATH: usize = 100;

/// What a verb wants of the agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlRequest {
    version: u16,
    want: Want,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Want {
    /// Are you there?
    Ping,
    /// One exchange with a peer, over the agent's endpoint.
    Connect { peer: PeerAddress, deadline_ms: u64 },
    /// Look at what waits, now.
    Wake,
    /// Tell me what happens.
    Follow,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ControlReply {
    Pong,
    Connected,
    NotConnected { why: NotConnected, text: String },
    Woken,
    Following,
    UnknownVersion { known: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NotConnected {
    Unreachable,
    WrongIdentity,
    OtherVersion,
    InvalidKey,
    Ourselves,
}

/// Where the socket is. The folder is kept open while the path is used: a path that is too long
/// for a socket's address is reached through it.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    _folder: Option<File>,
}

impl Place {
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

/// One message and not a byte more. Not to be given up halfway: the stream is of no use then.
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

/// Messages, one after another, to the stream's end.
#[derive(Debug)]
struct Messages<S> {
    stream: S,
    /// What has come of the next ones.
    came: BytesMut,
}

impl<S: AsyncRead + Unpin> Messages<S> {
    fn of(stream: S) -> Self {
        Self {
            stream,
            came: BytesMut::new(),
        }
    }

    /// Nothing is lost when this is dropped before it is done: what has come stays.
    async fn next<M: DeserializeOwned>(&mut self) -> std::io::Result<M> {
        loop {
            if let Some(message) = self.take()? {
                return serde_json::from_slice(&message).map_err(std::io::Error::other);
            }
            if self.stream.read_buf(&mut self.came).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// A whole message, if one has come.
    fn take(&mut self) -> std::io::Result<Option<BytesMut>> {
        let Some(length) = self.came.first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_MESSAGE {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if self.came.len() < size_of::<u32>() + length {
            return Ok(None);
        }
        self.came.advance(size_of::<u32>());
        Ok(Some(self.came.split_to(length)))
    }
}

#[cfg(test)]
mod tests;
