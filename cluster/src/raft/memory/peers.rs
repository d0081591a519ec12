//! The file of a `MemoryDisk` for what a node remembers of its peers.

use std::io;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::log::MemoryLog;
use super::sync::Syncer;
use crate::raft::quarantine::PeersDisk;

impl MemoryLog {
    /// The file on the same disk.
    #[must_use]
    pub fn peers_disk(&self) -> Arc<dyn PeersDisk> {
        Arc::new(MemoryPeers(self.0.clone()))
    }
}

struct MemoryPeers(Syncer);

impl PeersDisk for MemoryPeers {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.platter.lock().peers.clone())
    }

    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let syncer = self.0.clone();
        async move {
            syncer.sync_file().await?;
            syncer.platter.lock().peers = Some(bytes);
            Ok(())
        }
        .boxed()
    }
}
