//! Snapshots of a `MemoryDisk`, and their way over the network.

use std::fmt;
use std::io::{self, Cursor};
use std::sync::Arc;

use cameo_common::wire;
use cameo_mutant::{Mutant, is_planted};
use futures_util::future::BoxFuture;
use openraft::Snapshot;
use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf};
use tokio::io::AsyncRead;

use super::content::Content;
use crate::consensus_types::TypeConfig;
use crate::raft::rpc::snapshots::{Receiving, SnapshotPort};

/// A snapshot's content.
#[derive(Clone)]
pub struct MemorySnapshot(Arc<Content>);

impl fmt::Debug for MemorySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot of {} rows", self.0.rows.0.len())
    }
}

impl MemorySnapshot {
    pub(super) fn of(content: &Content) -> Self {
        let mut content = content.clone();
        if is_planted(Mutant::RetryTableLostInSnapshot) {
            let rows = &mut content.rows.0;
            rows.retain(|key, _| !cameo_machine::is_of_retry_table(key));
        }
        Self(Arc::new(content))
    }

    pub(super) fn content(&self) -> Content {
        (*self.0).clone()
    }

    pub(super) fn applied(&self) -> Option<LogIdOf<TypeConfig>> {
        self.0.applied
    }

    pub(super) fn with_meta(self) -> SnapshotOf<TypeConfig, MemorySnapshot> {
        Snapshot {
            meta: SnapshotMetaOf::<TypeConfig> {
                last_log_id: self.0.applied,
                last_membership: self.0.membership.clone(),
            },
            snapshot: self,
        }
    }
}

/// Access of the network to the snapshots of a `MemoryDisk`.
#[derive(Debug, Clone, Copy)]
pub struct MemorySnapshots;

impl SnapshotPort for MemorySnapshots {
    type Data = MemorySnapshot;

    fn open<'a>(
        &'a self,
        data: &'a MemorySnapshot,
    ) -> BoxFuture<'a, io::Result<(u64, Box<dyn AsyncRead + Send + Unpin>)>> {
        let bytes = wire::encode(&*data.0);
        Box::pin(async move {
            let length = bytes.len() as u64;
            let reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(Cursor::new(bytes));
            Ok((length, reader))
        })
    }

    fn begin(&self, _len: u64) -> BoxFuture<'_, io::Result<Box<dyn Receiving<MemorySnapshot>>>> {
        Box::pin(async { Ok(Box::new(Received(Vec::new())) as Box<dyn Receiving<_>>) })
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
    ) -> BoxFuture<'static, io::Result<SnapshotOf<TypeConfig, MemorySnapshot>>> {
        Box::pin(async move {
            let content = wire::decode::<Content>(&self.0).map_err(io::Error::other)?;
            Ok(MemorySnapshot(Arc::new(content)).with_meta())
        })
    }
}
