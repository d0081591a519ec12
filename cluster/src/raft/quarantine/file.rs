//! The file of what a node remembers of its peers, on a real disk.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::peers_disk::PeersDisk;
use crate::host::blocking::Blocking;
use crate::store::rename_durably;

/// The file's name in the data folder.
const NAME: &str = "peers";

/// The file in a data folder.
#[derive(Debug, Clone)]
pub struct PeersFile {
    path: PathBuf,
    blocking: Blocking,
}

impl PeersFile {
    /// The file in a data folder. Nothing is read yet.
    #[must_use]
    pub fn within(data: &Path, blocking: Blocking) -> Self {
        Self {
            path: data.join(NAME),
            blocking,
        }
    }

    fn replace_now(&self, bytes: &[u8]) -> io::Result<()> {
        let part = self.path.with_extension("part");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename_durably(&part, &self.path)
    }
}

impl PeersDisk for PeersFile {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let this = self.clone();
        async move {
            let written = this.blocking.run(move || this.replace_now(&bytes));
            written.await.map_err(io::Error::other)?
        }
        .boxed()
    }
}
