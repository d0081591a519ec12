//! Peer to peer: agents talk to each other directly.
//!
//! `transport` says what a connection is; `iroh` and `memory` are the two that exist.
//! `framing` puts one message on a stream, `body` the raw bytes after it, `ask` and
//! `serve` are the two ends of one request, and `transfer` carries large contents that
//! may be cut at any byte and go on later. The messages themselves are defined
//! elsewhere: all of this is generic over them.

pub mod ask;
pub mod body;
pub mod client;
pub mod framing;
pub mod serve;
pub mod transfer;
pub mod transport;

#[cfg(test)]
mod tests;

pub use ask::{AskError, ask};
pub use body::{Body, BodyError, ReceivedBody};
pub use client::{PeerError, Peers, Reach, TalkError};
pub use framing::{FrameError, PeerMessage};
pub use serve::{Answer, Handler, serve};
pub use transfer::{Content, Partial, Source, TransferError};
pub use transport::iroh::{IrohBinding, IrohTransport};
pub use transport::memory::{MemoryNetwork, MemoryTransport};
pub use transport::{ConnectError, DeviceKey, Exchange, Incoming, PeerAddress, PeerTransport};
