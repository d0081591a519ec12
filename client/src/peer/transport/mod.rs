//! The transport between devices: one mutually authenticated bidirectional stream a request, and
//! the key of the device at the other end.

pub mod iroh;
pub mod memory;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

/// ALPN name of the protocol and its version; a peer with another one is not connected.
pub const ALPN: &[u8] = b"cameo/peer/2";

/// Bound on the time from the first packet to an authenticated connection.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(8);

/// The Ed25519 public key of a device's endpoint.
pub type DeviceKey = [u8; 32];

pub type Reader = Box<dyn AsyncRead + Send + Sync + Unpin>;
pub type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// A device's key and the addresses of its endpoint record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAddress {
    pub device: DeviceKey,
    pub direct: Vec<SocketAddr>,
}

/// The requesting end of one stream; dropping it ends the connection.
pub struct Exchange {
    pub reader: Reader,
    pub writer: Writer,
}

/// The answering end of one stream, from a device whose key is authenticated.
pub struct Incoming {
    pub device: DeviceKey,
    pub reader: Reader,
    pub writer: Writer,
    pub(super) refuse: Box<dyn FnOnce(Refusal) + Send + Sync>,
}

impl Incoming {
    /// Ends the whole connection and sends the reason to the other side.
    pub fn refuse(self, refusal: Refusal) {
        (self.refuse)(refusal);
    }
}

/// The reason for which a peer ended a connection without an answer. An `io::Error` of a stream
/// carries it as its source, see [`Refusal::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the peer does not admit this device")]
    Rejected,
    #[error("the peer is busy")]
    Busy,
    #[error("the peer could not read the request")]
    Malformed,
}

impl Refusal {
    /// The error code of QUIC's application close.
    pub fn code(self) -> u32 {
        match self {
            Refusal::Rejected => 1,
            Refusal::Busy => 2,
            Refusal::Malformed => 3,
        }
    }

    pub fn from_code(code: u64) -> Option<Self> {
        [Refusal::Rejected, Refusal::Busy, Refusal::Malformed]
            .into_iter()
            .find(|refusal| u64::from(refusal.code()) == code)
    }

    /// The refusal that caused a stream's error, if any.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Refusal>().copied()
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        io::Error::new(io::ErrorKind::ConnectionAborted, refusal)
    }
}

/// A connection that was not made. In every case nothing was delivered.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    #[error("another device answers at the peer's address")]
    WrongIdentity,
    #[error("the peer speaks another version of Cameo's peer protocol")]
    OtherVersion,
    #[error("the device key of the address is not a valid key")]
    InvalidKey,
    #[error("the address is this device's own")]
    OwnAddress,
}

/// One device's presence on a network.
pub trait PeerTransport: fmt::Debug + Send + Sync + 'static {
    /// This device's own key.
    fn device(&self) -> DeviceKey;

    /// The addresses at which other devices can reach this one, for its endpoint record.
    fn local_addresses(&self) -> Vec<SocketAddr>;

    /// Opens one stream to `peer`, which has to prove that it holds its device key.
    fn connect<'a>(
        &'a self,
        peer: &'a PeerAddress,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Exchange, ConnectError>>;

    /// The next request of any device; `None` once the transport is closed. Cancel safe.
    fn accept(&self) -> BoxFuture<'_, Option<Incoming>>;

    /// Closes all connections and accepts no more.
    fn close(&self) -> BoxFuture<'_, ()>;
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Incoming").finish_non_exhaustive()
    }
}
