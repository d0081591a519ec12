//! The files of quarantine in a folder on a real disk.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::disk::{QuarantineDisk, QuarantineFile};
use crate::host::blocking::Blocking;
use crate::store::rename_durably;

/// A data folder.
#[derive(Debug, Clone)]
pub struct QuarantineFolder {
    data: PathBuf,
    blocking: Blocking,
}

impl QuarantineFolder {
    /// The files in a data folder. Nothing is read yet.
    #[must_use]
    pub fn within(data: &Path, blocking: Blocking) -> Self {
        Self {
            data: data.to_owned(),
            blocking,
        }
    }

    fn path(&self, file: QuarantineFile) -> PathBuf {
        self.data.join(file.name())
    }

    fn replace_now(&self, file: QuarantineFile, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(file);
        let part = path.with_extension("part");
        let mut written = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&part)?;
        written.write_all(bytes)?;
        written.sync_all()?;
        rename_durably(&part, &path)
    }
}

impl QuarantineDisk for QuarantineFolder {
    fn read(&self, file: QuarantineFile) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn replace(&self, file: QuarantineFile, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        let this = self.clone();
        async move {
            let written = this.blocking.run(move || this.replace_now(file, &bytes));
            written.await.map_err(io::Error::other)?
        }
        .boxed()
    }
}
