//! A disk for tests, on which each sync waits for a permit.

use std::io;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::super::{FloorDisk, create};
use super::OWNER;

#[derive(Clone)]
pub(super) struct TestDisk {
    image: Arc<Mutex<Image>>,
    permits: Arc<Semaphore>,
}

#[derive(Default)]
struct Image {
    written: Option<Vec<u8>>,
    synced: usize,
    fails: Option<io::ErrorKind>,
}

impl TestDisk {
    /// With the file of a new node. Every sync waits until it is permitted.
    pub(super) fn waiting() -> Self {
        let disk = Self {
            image: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
        };
        create(&disk, OWNER).unwrap();
        disk
    }

    /// The same, and no sync waits.
    pub(super) fn new() -> Self {
        let disk = Self::waiting();
        disk.permit(1 << 20);
        disk
    }

    pub(super) fn permit(&self, syncs: usize) {
        self.permits.add_permits(syncs);
    }

    /// Every sync fails from now on, or none.
    pub(super) fn fail(&self, kind: Option<io::ErrorKind>) {
        self.image.lock().fails = kind;
    }

    /// Forgets what was not synced.
    pub(super) fn lose_power(&self) {
        let mut image = self.image.lock();
        let synced = image.synced;
        image.written.as_mut().unwrap().truncate(synced);
    }

    /// Appends what no sync covers.
    pub(super) fn tear(&self, bytes: &[u8]) {
        let mut image = self.image.lock();
        image.written.as_mut().unwrap().extend_from_slice(bytes);
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.image.lock().written.clone().unwrap()
    }

    pub(super) fn set_bytes(&self, bytes: Option<Vec<u8>>) {
        let mut image = self.image.lock();
        image.synced = bytes.as_ref().map_or(0, Vec::len);
        image.written = bytes;
    }

    async fn sync(&self) -> io::Result<()> {
        self.permits.acquire().await.unwrap().forget();
        match self.image.lock().fails {
            Some(kind) => Err(io::Error::from(kind)),
            None => Ok(()),
        }
    }
}

impl FloorDisk for TestDisk {
    fn create(&self, bytes: Vec<u8>) -> io::Result<()> {
        if self.image.lock().written.is_none() {
            self.set_bytes(Some(bytes));
        }
        Ok(())
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.image.lock().written.clone())
    }

    fn append(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let disk = self.clone();
        async move {
            let length = {
                let mut image = disk.image.lock();
                let written = image.written.as_mut().unwrap();
                written.extend_from_slice(&bytes);
                written.len()
            };
            disk.sync().await?;
            disk.image.lock().synced = length;
            Ok(())
        }
        .boxed()
    }

    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let disk = self.clone();
        async move {
            disk.sync().await?;
            disk.set_bytes(Some(bytes));
            Ok(())
        }
        .boxed()
    }
}
