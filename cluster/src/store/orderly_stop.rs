//! The last sync of the state, after which the next start trusts it.

use std::io;
use std::path::{Path, PathBuf};

use super::layout::DataDirectory;

/// Syncs the state in this folder, to which nothing is written any more, and marks the stop as
/// clean. A state whose sync has failed, or did not end, is rebuilt by the next start, because its
/// sync would succeed without a write.
pub(super) fn sync_and_mark(directory: &DataDirectory, state: &Path) -> io::Result<()> {
    // Before the sync: on a disk that fails, the mark may fail too. On a full one the mark alone
    // fails, and is not needed.
    let marked = directory.mark_unsynced();
    match (sync_files(state), marked) {
        (Ok(()), _) => directory.mark_stopped(),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(mark)) => Err(unmarked(&error, &mark)),
    }
}

/// Of a state that the next start would trust.
fn unmarked(error: &io::Error, mark: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!(
            "{error}, and RUNNING, which tells the next start not to trust the state, cannot be \
             written: {mark}. Remove the file CURRENT before that start: then it rebuilds the state"
        ),
    )
}

/// Syncs all files, because sled's flush is not an fsync.
fn sync_files(directory: &Path) -> io::Result<()> {
    let mut pending: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                pending.push(entry?.path());
            }
        }
        std::fs::File::open(&path)?.sync_all()?;
    }
    Ok(())
}
