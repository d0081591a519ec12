//! The store's snapshot files, for the network.

use std::io;

use futures_util::future::BoxFuture;
use openraft::type_config::alias::SnapshotOf;
use tokio::io::AsyncRead;

use crate::consensus_types::TypeConfig;
use crate::raft::rpc::snapshots::{Receiving, SnapshotPort};
use crate::store::{self, SnapshotError, SnapshotFile, Snapshots};

impl SnapshotPort for Snapshots {
    type Data = SnapshotFile;

    fn open<'a>(
        &'a self,
        data: &'a SnapshotFile,
    ) -> BoxFuture<'a, io::Result<(u64, Box<dyn AsyncRead + Send + Unpin>)>> {
        Box::pin(async move {
            let file = data.open().await?;
            Ok((
                data.len(),
                Box::new(file) as Box<dyn AsyncRead + Send + Unpin>,
            ))
        })
    }

    fn begin(&self, len: u64) -> BoxFuture<'_, io::Result<Box<dyn Receiving<SnapshotFile>>>> {
        Box::pin(async move {
            let receiving = self.begin_receiving(len).await.map_err(io_error)?;
            Ok(Box::new(receiving) as Box<dyn Receiving<SnapshotFile>>)
        })
    }
}

impl Receiving<SnapshotFile> for store::Receiving {
    fn write(&mut self, chunk: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            store::Receiving::write(self, &chunk)
                .await
                .map_err(io_error)
        })
    }

    fn finish(
        self: Box<Self>,
    ) -> BoxFuture<'static, io::Result<SnapshotOf<TypeConfig, SnapshotFile>>> {
        Box::pin(async move { store::Receiving::finish(*self).await.map_err(io_error) })
    }
}

fn io_error(error: SnapshotError) -> io::Error {
    match error {
        SnapshotError::Io(error) => error,
        other => io::Error::other(other),
    }
}
