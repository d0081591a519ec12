//! The files of quarantine in a folder on a real disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::disk::{QuarantineDisk, QuarantineFile};
use super::origin::{Origin, OriginError};
use super::origin_files;
use super::small_file::replace_durably;
use crate::host::blocking::Blocking;

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
        let (path, blocking) = (self.path(file), self.blocking);
        async move {
            let written = blocking.run(move || replace_durably(&path, &bytes));
            written.await.map_err(io::Error::other)?
        }
        .boxed()
    }

    fn origin(&self) -> Result<Origin, OriginError> {
        origin_files::origin(&self.data)
    }

    fn renew_origin(&self) -> BoxFuture<'static, io::Result<()>> {
        let (data, blocking) = (self.data.clone(), self.blocking);
        async move {
            let renewed = blocking.run(move || origin_files::renew(&data));
            renewed.await.map_err(io::Error::other)?
        }
        .boxed()
    }
}
