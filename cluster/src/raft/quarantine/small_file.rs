//! Replacement of a small file on a real disk.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::store::rename_durably;

/// Replaces a file: after a crash it has the old bytes or these.
pub(super) fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut written = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&part)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    rename_durably(&part, path)
}
