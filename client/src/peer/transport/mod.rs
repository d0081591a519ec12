//! What a way to reach another device has to offer: one mutually authenticated
//! bidirectional stream a request, and the key of who is at the other end.

pub mod iroh;
pub mod memory;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

/// Names the protocol and its version; a peer that speaks another one is not connected.
pub const ALPN: &[u8] = b"cameo/peer/1";

/// Longest time from the first packet to an authenticated connection.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(8);

/// The Ed25519 public key of a device's endpoint.
pub type DeviceKey = [u8; 32];

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub type Reader = Box<dyn AsyncRead + Send + Sync + Unpin>;
pub type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// Who to reach, and where he said he is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAddress {
    pub device: DeviceKey,
    pub direct: Vec<SocketAddr>,
}

/// The asker's end of one request; dropping it ends the connection.
pub struct Exchange {
    pub reader: Reader,
    pub writer: Writer,
}

/// The server's end of one request, from a device whose key has been proven.
pub struct Incoming {
    pub device: DeviceKey,
    pub reader: Reader,
    pub writer: Writer,
    pub(super) refuse: Box<dyn FnOnce(Refusal) + Send + Sync>,
}

impl Incoming {
    /// Ends the whole connection, and lets the asker know why.
    pub fn refuse(self, refusal: Refusal) {
        (self.refuse)(refusal);
    }
}

/// Why a peer ended a connection without an answer. An `io::Error` of a stream
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
    /// The number that travels in QUIC's application close.
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

    /// The refusal that a stream's error reports, if it is one.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Refusal>().copied()
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        io::Error::new(io::ErrorKind::ConnectionAborted, refusal)
    }
}

/// Why there is no connection. In every case nothing was delivered.
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
    Ourselves,
}

/// One device's presence on a network.
pub trait PeerTransport: fmt::Debug + Send + Sync + 'static {
    /// This device's own key.
    fn device(&self) -> DeviceKey;

    /// Where others can reach this device now; belongs in its endpoint record.
    fn local_addresses(&self) -> Vec<SocketAddr>;

    /// Opens one stream to `peer`, who proves that he holds its device key.
    fn connect<'a>(
        &'a self,
        peer: &'a PeerAddress,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Exchange, ConnectError>>;

    /// The next request of anyone; `None` once the transport is closed. Cancel safe.
    fn accept(&self) -> BoxFuture<'_, Option<Incoming>>;

    /// Tells connected peers, and takes no more of them.
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
