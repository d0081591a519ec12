//! The files of quarantine on a `MemoryDisk`.

use std::io;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::log::MemoryLog;
use super::sync::Syncer;
use crate::raft::quarantine::{NotProven, Origin, OriginError, QuarantineDisk, QuarantineFile};

impl MemoryLog {
    /// The files on the same disk.
    #[must_use]
    pub fn quarantine_disk(&self) -> Arc<dyn QuarantineDisk> {
        files(self.0.clone())
    }
}

/// The files on a disk.
pub(super) fn files(disk: Syncer) -> Arc<dyn QuarantineDisk> {
    Arc::new(MemoryQuarantine(disk))
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

    fn origin(&self) -> Result<Origin, OriginError> {
        Ok(match self.0.platter.lock().is_original {
            true => Origin::Original,
            false => Origin::MayBeCopy(NotProven::Changed),
        })
    }

    /// At once: a sync of its own would be no fault that others do not meet.
    fn renew_origin(&self) -> BoxFuture<'static, io::Result<()>> {
        let renewed = match self.0.failure() {
            Some(why) => Err(io::Error::other(why)),
            None => {
                self.0.platter.lock().is_original = true;
                Ok(())
            }
        };
        async { renewed }.boxed()
    }
}
