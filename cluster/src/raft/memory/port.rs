//! Access of the network to the snapshots of a `MemoryDisk`.

use std::io::{self, Cursor};

use futures_util::future::BoxFuture;
use openraft::type_config::alias::SnapshotOf;
use tokio::io::AsyncRead;

use super::snapshot::MemorySnapshot;
use super::state::MemoryState;
use crate::certificate::{Certificate, Checkpoints, StatePoint, Voters};
use crate::consensus_types::TypeConfig;
use crate::raft::rpc::snapshots::{Receiving, SnapshotPort, uncertified};

/// The snapshots of one process.
#[derive(Debug, Clone)]
pub struct MemorySnapshots(pub(super) MemoryState);

impl SnapshotPort for MemorySnapshots {
    type Data = MemorySnapshot;

    fn open<'a>(
        &'a self,
        data: &'a MemorySnapshot,
    ) -> BoxFuture<'a, io::Result<(u64, Box<dyn AsyncRead + Send + Unpin>)>> {
        let bytes = data.is_certified().then(|| data.to_bytes());
        Box::pin(async move {
            let bytes = bytes.ok_or_else(uncertified)?;
            let length = bytes.len() as u64;
            let reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(Cursor::new(bytes));
            Ok((length, reader))
        })
    }

    fn begin(&self, _len: u64) -> BoxFuture<'_, io::Result<Box<dyn Receiving<MemorySnapshot>>>> {
        Box::pin(async { Ok(Box::new(Received(Vec::new())) as Box<dyn Receiving<_>>) })
    }

    fn checkpoints(&self) -> Checkpoints {
        self.0.checkpoints().clone()
    }

    fn certify(
        &self,
        point: StatePoint,
        certificate: Certificate,
    ) -> BoxFuture<'static, io::Result<bool>> {
        let state = self.0.clone();
        Box::pin(async move { state.certify(&point, certificate).await })
    }
}

struct Received(Vec<u8>);

impl Receiving<MemorySnapshot> for Received {
    fn write(&mut self, chunk: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        self.0.extend_from_slice(&chunk);
        Box::pin(async { Ok(()) })
    }

    fn finish(
        self: Box<Self>,
        voters: Voters,
    ) -> BoxFuture<'static, io::Result<SnapshotOf<TypeConfig, MemorySnapshot>>> {
        Box::pin(async move {
            let snapshot = MemorySnapshot::from_bytes(&self.0, &voters);
            Ok(snapshot.map_err(io::Error::other)?.with_meta())
        })
    }
}
