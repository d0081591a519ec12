//! The files of quarantine on a `MemoryDisk`.

use std::io;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::log::MemoryLog;
use super::sync::Syncer;
use crate::raft::quarantine::{QuarantineDisk, QuarantineFile};

impl MemoryLog {
    /// The files on the same disk.
    #[must_use]
    pub fn quarantine_disk(&self) -> Arc<dyn QuarantineDisk> {
        Arc::new(MemoryQuarantine(self.0.clone()))
    }
}

struct MemoryQuarantine(Syncer);

impl QuarantineDisk for MemoryQuarantine {
    fn read(&self, file: QuarantineFile) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.platter.lock().quarantine.get(&file).cloned())
    }

    fn replace(&self, file: QuarantineFile, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let syncer = self.0.clone();
        async move {
            syncer.sync_file().await?;
            syncer.platter.lock().quarantine.insert(file, bytes);
            Ok(())
        }
        .boxed()
    }
}
