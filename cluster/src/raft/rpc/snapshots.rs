//! Transfer of snapshots between nodes: announced, sent in chunks on a connection of their own,
//! installed.
//!
//! The bytes are those of the snapshot file, with its metadata, certificate and checksum; only vote
//! and length are sent beside them. Law: a receiver verifies the certificate over what it has read
//! before the snapshot has a name on its disk, and before consensus hears of it.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::BoxFuture;
use openraft::error::{NetworkError, ReplicationClosed, StreamingError};
use openraft::raft::SnapshotResponse;
use openraft::type_config::alias::{SnapshotOf, VoteOf};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::wire::{NodeReply, NodeRequest, decode, encode};
use crate::certificate::{Certificate, Checkpoints, StatePoint, Voters};
use crate::consensus_types::TypeConfig;
use crate::link::Link;

/// Bytes in a chunk: enough to fill a gigabit link with a round trip of a millisecond.
const CHUNK_BYTES: usize = 512 << 10;
/// Time limit for each chunk.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for checking and installing a received snapshot.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Access of the network to the node's snapshot files.
pub trait SnapshotPort: Send + Sync + 'static {
    /// openraft's handle of a snapshot's content.
    type Data: Send + Sync + 'static;

    /// Length and bytes of a snapshot to be sent.
    fn open<'a>(
        &'a self,
        data: &'a Self::Data,
    ) -> BoxFuture<'a, io::Result<(u64, Box<dyn AsyncRead + Send + Unpin>)>>;

    /// Begins to receive a snapshot of `len` bytes. Fails when that is too large.
    fn begin(&self, len: u64) -> BoxFuture<'_, io::Result<Box<dyn Receiving<Self::Data>>>>;

    /// The states at fixed indexes, and the snapshot that waits for its certificate.
    fn checkpoints(&self) -> Checkpoints;

    /// Makes the snapshot of this state the current one, with its certificate; durable when this
    /// returns. False when none of that state is waiting.
    fn certify(
        &self,
        point: StatePoint,
        certificate: Certificate,
    ) -> BoxFuture<'static, io::Result<bool>>;
}

/// Why a snapshot is not sent that this node has made for itself.
pub(crate) fn uncertified() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "this node's snapshot is not certified yet",
    )
}

/// A snapshot being received. Dropping it removes the bytes received so far.
pub trait Receiving<Data: Send + 'static>: Send {
    /// Appends the next bytes.
    fn write(&mut self, chunk: Vec<u8>) -> BoxFuture<'_, io::Result<()>>;

    /// Makes the file durable, checks it and its certificate, and gives it its name. When it is
    /// refused, nothing is left of it.
    fn finish(
        self: Box<Self>,
        voters: Voters,
    ) -> BoxFuture<'static, io::Result<SnapshotOf<TypeConfig, Data>>>;
}

/// Sends a snapshot and waits until it is installed.
pub(crate) async fn send<P: SnapshotPort>(
    link: &Link,
    port: &P,
    vote: VoteOf<TypeConfig>,
    data: P::Data,
    cancel: impl Future<Output = ReplicationClosed>,
) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
    tokio::select! {
        closed = cancel => Err(closed.into()),
        sent = send_all(link, port, vote, &data) => {
            sent.map_err(|error| NetworkError::new(&error).into())
        }
    }
}

async fn send_all<P: SnapshotPort>(
    link: &Link,
    port: &P,
    vote: VoteOf<TypeConfig>,
    data: &P::Data,
) -> io::Result<SnapshotResponse<TypeConfig>> {
    let (len, mut bytes) = port.open(data).await?;
    let begun = ask(link, &NodeRequest::SnapshotBegin { len }, CHUNK_TIMEOUT).await?;
    let NodeReply::SnapshotBegun { transfer } = begun else {
        return Err(unexpected());
    };
    let mut offset = 0;
    while offset < len {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = (&mut bytes)
            .take((len - offset).min(CHUNK_BYTES as u64))
            .read_to_end(&mut chunk)
            .await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let request = NodeRequest::SnapshotChunk {
            transfer,
            offset,
            bytes: chunk,
        };
        match ask(link, &request, CHUNK_TIMEOUT).await? {
            NodeReply::SnapshotWritten => offset += read as u64,
            _ => return Err(unexpected()),
        }
    }
    let install = NodeRequest::SnapshotInstall { transfer, vote };
    match ask(link, &install, INSTALL_TIMEOUT).await? {
        NodeReply::SnapshotInstalled(response) => Ok(response),
        _ => Err(unexpected()),
    }
}

async fn ask(link: &Link, request: &NodeRequest, limit: Duration) -> io::Result<NodeReply> {
    let body = encode(request);
    let reply = link
        .call(&body, Instant::now() + limit)
        .await
        .map_err(io::Error::other)?;
    decode(&reply).map_err(io::Error::other)
}

fn unexpected() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the reply does not match the request",
    )
}

/// The one snapshot that is being received. A newer announcement replaces an older one.
pub(crate) struct IncomingSnapshots<P: SnapshotPort> {
    port: Arc<P>,
    begun: AtomicU64,
    current: Mutex<Option<Incoming<P::Data>>>,
}

struct Incoming<Data> {
    from: NodeId,
    transfer: u64,
    received: u64,
    len: u64,
    into: Box<dyn Receiving<Data>>,
}

impl<P: SnapshotPort> IncomingSnapshots<P> {
    pub fn new(port: Arc<P>) -> Self {
        Self {
            port,
            begun: AtomicU64::new(0),
            current: Mutex::new(None),
        }
    }

    /// Returns the number of the transfer.
    pub async fn begin(&self, from: NodeId, len: u64) -> io::Result<u64> {
        let mut current = self.current.lock().await;
        let transfer = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        // The old one is removed first: the new one may need its space on the disk.
        *current = None;
        let into = self.port.begin(len).await?;
        *current = Some(Incoming {
            from,
            transfer,
            received: 0,
            len,
            into,
        });
        Ok(transfer)
    }

    pub async fn write(
        &self,
        from: NodeId,
        transfer: u64,
        offset: u64,
        chunk: Vec<u8>,
    ) -> io::Result<()> {
        let mut current = self.current.lock().await;
        let incoming = current
            .as_mut()
            .filter(|incoming| incoming.from == from && incoming.transfer == transfer)
            .ok_or_else(superseded)?;
        let after = incoming.received + chunk.len() as u64;
        if offset != incoming.received || after > incoming.len {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the chunk is out of order",
            ));
        }
        incoming.into.write(chunk).await?;
        incoming.received = after;
        Ok(())
    }

    pub async fn finish(
        &self,
        from: NodeId,
        transfer: u64,
        voters: Voters,
    ) -> io::Result<SnapshotOf<TypeConfig, P::Data>> {
        let incoming = {
            let mut current = self.current.lock().await;
            let complete = current.as_ref().is_some_and(|incoming| {
                incoming.from == from
                    && incoming.transfer == transfer
                    && incoming.received == incoming.len
            });
            if !complete {
                return Err(superseded());
            }
            current.take().ok_or_else(superseded)?
        };
        incoming.into.finish(voters).await
    }
}

fn superseded() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "this snapshot is not being received, or is incomplete",
    )
}
