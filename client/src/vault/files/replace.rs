//! Replacement of a file that a command writes anew each time.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use data_encoding::HEXLOWER;

use crate::clock;

/// Writes a file that only its owner may read, in place of one of any mode. A link there is
/// replaced, not followed. It is not synced: the next run writes it again.
///
/// # Errors
/// When the folder cannot be written to. Then the file before is as it was.
pub fn replace_private(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = format!(
        ".cameo-{}.unfinished",
        HEXLOWER.encode(&clock::random::<8>())
    );
    let unfinished = target.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    let written = file.write_all(bytes);
    written
        .and_then(|()| fs::rename(&unfinished, target))
        // The first error is the one to report.
        .inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// Creates a folder that only its owner may enter, and those above it. One that exists stays as it
/// is.
///
/// # Errors
/// When it cannot be created.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
