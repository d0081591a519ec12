//! The floor file on a real disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cameo_mutant::{Mutant, is_planted};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::disk::FloorDisk;
use crate::host::blocking::Blocking;
use crate::store::{is_disk_full, rename_durably, rewrite_in_place, stop_process};

/// The file's name in the data folder.
const NAME: &str = "floor";

/// The floor file of a data folder.
#[derive(Debug, Clone)]
pub struct FloorFile {
    path: PathBuf,
    blocking: Blocking,
    /// For appending, once this process has written and synced all of the file.
    open: Arc<Mutex<Option<File>>>,
}

impl FloorFile {
    /// The floor file in a data folder. Nothing is read yet.
    #[must_use]
    pub fn within(data: &Path, blocking: Blocking) -> Self {
        Self {
            path: data.join(NAME),
            blocking,
            open: Arc::default(),
        }
    }

    fn append_now(&self, bytes: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock();
        let file = match &mut *open {
            Some(file) => file,
            none => {
                rewrite_in_place(&self.path)?;
                none.insert(self.for_appending()?)
            }
        };
        file.write_all(bytes)?;
        if is_planted(Mutant::FloorNotSynced) {
            return Ok(());
        }
        file.sync_data()
    }

    fn replace_now(&self, bytes: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock();
        let part = self.path.with_extension("part");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename_durably(&part, &self.path)?;
        // The file that it names now is another one.
        *open = Some(self.for_appending()?);
        Ok(())
    }

    fn for_appending(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(&self.path)
    }

    fn write(
        &self,
        work: impl FnOnce(&Self) -> io::Result<()> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<()>> {
        let (this, blocking) = (self.clone(), self.blocking);
        async move {
            let written = blocking.run(move || ended_by_failure(work(&this)));
            written.await.map_err(io::Error::other)?
        }
        .boxed()
    }
}

/// A failed sync ends the process: what the kernel has dropped, it will not write again.
fn ended_by_failure(written: io::Result<()>) -> io::Result<()> {
    if let Err(error) = &written
        && !is_disk_full(error)
    {
        stop_process("the floors could not be written and synced", error);
    }
    written
}

impl FloorDisk for FloorFile {
    fn create(&self, bytes: Vec<u8>) -> io::Result<()> {
        if fs::exists(&self.path)? {
            return Ok(());
        }
        self.replace_now(&bytes)
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn append(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        self.write(move |file| file.append_now(&bytes))
    }

    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>> {
        self.write(move |file| file.replace_now(&bytes))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::*;

    const VICTIM: &str = "CAMEO_FLOOR_TEST_VICTIM";
    const EIO: i32 = 5;
    const SIGABRT: i32 = 6;

    #[test]
    #[ignore = "the victim of a_failed_sync_of_the_floors_ends_the_process"]
    fn fail_a_sync() {
        assert!(std::env::var_os(VICTIM).is_some());
        drop(ended_by_failure(Err(io::Error::from_raw_os_error(EIO))));
    }

    #[test]
    fn a_failed_sync_of_the_floors_ends_the_process() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "floor::file::tests::fail_a_sync"])
            .args(["--ignored", "--nocapture"])
            .env(VICTIM, "1")
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(SIGABRT));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("fatal: the floors could not be"), "{said}");
    }
}
