//! The files in memory, on a disk that can be full.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::disk::{QuarantineDisk, QuarantineFile};
use super::origin::{NotProven, Origin, OriginError};

#[derive(Default)]
pub(crate) struct InMemory {
    files: Mutex<BTreeMap<QuarantineFile, Vec<u8>>>,
    pub is_full: AtomicBool,
    is_original: AtomicBool,
}

impl QuarantineDisk for InMemory {
    fn read(&self, file: QuarantineFile) -> io::Result<Option<Vec<u8>>> {
        Ok(self.files.lock().get(&file).cloned())
    }

    fn replace(&self, file: QuarantineFile, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let written = match self.is_full.load(Ordering::Relaxed) {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => {
                self.files.lock().insert(file, bytes);
                Ok(())
            }
        };
        async { written }.boxed()
    }

    fn origin(&self) -> Result<Origin, OriginError> {
        Ok(match self.is_original.load(Ordering::Relaxed) {
            true => Origin::Original,
            false => Origin::MayBeCopy(NotProven::NoRecord),
        })
    }

    fn renew_origin(&self) -> BoxFuture<'static, io::Result<()>> {
        let is_full = self.is_full.load(Ordering::Relaxed);
        self.is_original.fetch_or(!is_full, Ordering::Relaxed);
        let renewed = match is_full {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        };
        async { renewed }.boxed()
    }
}
