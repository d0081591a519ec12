//! The thread that measures the free disk space, and gives the newest log file its blocks ahead.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};

use super::wal;
use crate::host::disk_space::DiskSpace;

/// Interval of the measurements: what is written meanwhile comes out of the reserve.
const MEASURE_EVERY: Duration = Duration::from_millis(250);

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct DiskWatch {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DiskWatch {
    pub fn start(space: Arc<DiskSpace>, wal: PathBuf) -> io::Result<Self> {
        let mut allocation = Allocation {
            wal,
            allocated: None,
        };
        allocation.allocate(&space);
        let (stop, stopped) = sync_channel(0);
        let run = move || {
            while stopped.recv_timeout(MEASURE_EVERY) == Err(RecvTimeoutError::Timeout) {
                space.measure();
                allocation.allocate(&space);
            }
        };
        let thread = thread::Builder::new()
            .name("disk-watch".to_owned())
            .spawn(run)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for DiskWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that measures the free disk space panicked");
        }
    }
}

/// Blocks of the newest log file beyond its end: with them, records of votes, truncations and
/// committed indexes fit on a disk that another program has filled to the last byte.
struct Allocation {
    wal: PathBuf,
    /// The file that has them, or whose file system has no such thing.
    allocated: Option<PathBuf>,
}

impl Allocation {
    fn allocate(&mut self, space: &DiskSpace) {
        let newest = match wal::newest_file(&self.wal) {
            Ok(Some(newest)) if self.allocated.as_ref() != Some(&newest) => newest,
            // What cannot be listed now is listed the next time.
            _ => return,
        };
        if space.admit(wal::FILE_BYTES).is_err() {
            return;
        }
        match keep_blocks(&newest, wal::FILE_BYTES) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return,
            Err(error) => {
                tracing::debug!(%error, "the log's file is not given its blocks ahead");
            }
        }
        self.allocated = Some(newest);
    }
}

/// Gives a file `bytes` of blocks, without changing its length.
fn keep_blocks(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    Ok(fallocate(&file, FallocateFlags::KEEP_SIZE, 0, bytes)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_file_with_blocks_ahead_keeps_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"records").unwrap();
        // A file system that cannot do it leaves the file as it was.
        let kept = keep_blocks(&path, 1 << 20);
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.len(), 7);
        assert!(kept.is_err() || metadata.blocks() * 512 >= 1 << 20);
        assert_eq!(fs::read(&path).unwrap(), b"records");
    }
}
