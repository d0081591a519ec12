//! Direct requests between agents.
//!
//! `transport` is the interface of a connection, with the implementations `iroh` and `memory`.
//! `framing` puts a message on a stream and `body` the raw bytes after it. `ask` and `serve` are
//! the two ends of a request, generic over the messages. `transfer` moves large contents that can
//! be resumed. `client` sends the calls of `cameo_common::peer`.

pub mod ask;
pub mod body;
pub mod client;
pub mod framing;
pub(crate) mod places;
pub mod serve;
pub mod transfer;
pub mod transport;

#[cfg(test)]
mod tests;

pub use ask::{AskError, ask};
pub use body::{Body, BodyError, ReceivedBody};
pub use client::{CallError, PeerError, Peers, Reach};
pub use framing::{FrameError, PeerMessage};
pub use serve::{Answer, Handler, serve};
pub use transfer::{Content, Partial, Source, TransferError};
pub use transport::iroh::{IrohBinding, IrohTransport};
pub use transport::memory::{MemoryNetwork, MemoryTransport};
pub use transport::{ConnectError, DeviceKey, Exchange, Incoming, PeerAddress, PeerTransport};
