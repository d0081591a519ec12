//! Second writing of a file whose bytes may be in the kernel's memory alone.
//!
//! After a failed sync the kernel holds pages for clean that are not on the disk, also for the next
//! process, whose sync of them succeeds without a write. Source: Rebello et al., "Can Applications
//! Recover from fsync Failures?", USENIX ATC 2020.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::failure::is_disk_full;

/// Writes a file's own bytes again, and syncs them. Blocks.
///
/// # Errors
/// Of the system. On a file system that writes elsewhere (btrfs, ZFS) this takes space: without any
/// the file is read from the disk instead, and `InvalidData` says that it has other bytes there.
pub(crate) fn rewrite_in_place(path: &Path) -> io::Result<()> {
    rewrite(path, |file, bytes| {
        file.write_all_at(bytes, 0)?;
        file.sync_data()
    })
}

fn rewrite(path: &Path, write: impl FnOnce(&File, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    match write(&file, &bytes) {
        Err(error) if is_disk_full(&error) => check_on_disk(&file, &bytes, error),
        written => written,
    }
}

/// Checks that the disk has these bytes. The kernel may keep pages all the same: this is advice,
/// and the best that can be done without a free byte.
fn check_on_disk(mut file: &File, bytes: &[u8], full: io::Error) -> io::Result<()> {
    file.sync_data()?;
    fadvise(file, 0, None, Advice::DontNeed)?;
    let mut found = Vec::with_capacity(bytes.len());
    file.rewind()?;
    file.read_to_end(&mut found)?;
    if found == bytes {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "a file has other bytes on the disk than were read before, and they cannot be written \
             again ({full}): free space on the disk, and start the node again"
        ),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, b"records").unwrap();
        (folder, path)
    }

    fn full() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    #[test]
    fn given_room_then_the_file_has_the_same_bytes() {
        let (_folder, path) = file();
        rewrite_in_place(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"records");
    }

    #[test]
    fn given_no_room_when_the_disk_has_the_bytes_then_they_count_as_durable() {
        let (_folder, path) = file();
        rewrite(&path, |_, _| Err(full())).unwrap();
        let half = |file: &File, bytes: &[u8]| {
            file.write_all_at(&bytes[..3], 0)?;
            Err(full())
        };
        rewrite(&path, half).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"records");
    }

    #[test]
    fn given_no_room_when_the_disk_has_other_bytes_then_they_are_refused() {
        let (_folder, path) = file();
        let others: [fn(&File) -> io::Result<()>; 2] =
            [|file| file.write_all_at(b"R", 0), |file| file.set_len(3)];
        for other in others {
            fs::write(&path, b"records").unwrap();
            let refused = rewrite(&path, |file, _| {
                other(file)?;
                Err(full())
            });
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn given_a_failed_write_then_its_error_is_returned() {
        let (_folder, path) = file();
        let failed = rewrite(&path, |_, _| Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
