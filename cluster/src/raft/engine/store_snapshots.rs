//! The store's snapshot files, for the network.

use std::io;

use futures_util::future::BoxFuture;
use openraft::type_config::alias::SnapshotOf;
use tokio::io::AsyncRead;

use crate::certificate::{Certificate, Checkpoints, StatePoint, Voters};
use crate::consensus_types::TypeConfig;
use crate::raft::rpc::snapshots::{Receiving, SnapshotPort, uncertified};
use crate::store::{self, SnapshotError, SnapshotFile, Snapshots};

impl SnapshotPort for Snapshots {
    type Data = SnapshotFile;

    fn open<'a>(
        &'a self,
        data: &'a SnapshotFile,
    ) -> BoxFuture<'a, io::Result<(u64, Box<dyn AsyncRead + Send + Unpin>)>> {
        Box::pin(async move {
            if !data.is_certified() {
                return Err(uncertified());
            }
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

    fn checkpoints(&self) -> Checkpoints {
        Snapshots::checkpoints(self).clone()
    }

    fn certify(
        &self,
        point: StatePoint,
        certificate: Certificate,
    ) -> BoxFuture<'static, io::Result<bool>> {
        let snapshots = self.clone();
        let certify = move || Snapshots::certify(&snapshots, &point, &certificate);
        Box::pin(async move {
            let certified = tokio::task::spawn_blocking(certify).await;
            certified.map_err(io::Error::other)?.map_err(io_error)
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
        voters: Voters,
    ) -> BoxFuture<'static, io::Result<SnapshotOf<TypeConfig, SnapshotFile>>> {
        Box::pin(async move {
            store::Receiving::finish(*self, voters)
                .await
                .map_err(io_error)
        })
    }
}

fn io_error(error: SnapshotError) -> io::Error {
    match error {
        SnapshotError::Io(error) => error,
        other => io::Error::other(other),
    }
}
