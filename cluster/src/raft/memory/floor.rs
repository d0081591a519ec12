//! The floor file of a `MemoryDisk`.

use std::io;
use std::sync::Arc;

use cameo_mutant::{Mutant, is_planted};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::log::MemoryLog;
use super::sync::Syncer;
use crate::floor::FloorDisk;

impl MemoryLog {
    /// The floor file on the same disk.
    #[must_use]
    pub fn floor_disk(&self) -> Arc<dyn FloorDisk> {
        Arc::new(MemoryFloor(self.0.clone()))
    }
}

struct MemoryFloor(Syncer);

impl FloorDisk for MemoryFloor {
    fn create(&self, bytes: Vec<u8>) -> io::Result<()> {
        let floor = &mut self.0.platter.lock().floor;
        if floor.written.is_none() {
            floor.replace(bytes);
        }
        Ok(())
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.platter.lock().floor.written.clone())
    }

    fn append(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let syncer = self.0.clone();
        async move {
            let length = {
                let floor = &mut syncer.platter.lock().floor;
                let missing = || io::Error::from(io::ErrorKind::NotFound);
                let written = floor.written.as_mut().ok_or_else(missing)?;
                written.extend_from_slice(&bytes);
                written.len()
            };
            if is_planted(Mutant::FloorNotSynced) {
                return Ok(());
            }
            syncer.sync_file().await?;
            syncer.platter.lock().floor.synced = length;
            Ok(())
        }
        .boxed()
    }

    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let syncer = self.0.clone();
        async move {
            syncer.sync_file().await?;
            syncer.platter.lock().floor.replace(bytes);
            Ok(())
        }
        .boxed()
    }
}
