//! Room on the disk of a folder.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

/// Free bytes below which a node is not ready. What is on its way then still fits: some writes of
/// the log, and a batch of the state.
pub const MIN_FREE_BYTES: u64 = 128 << 20;

/// The free bytes, if they are fewer than a node needs; `None` also where the file system does not
/// say. Blocks for one system call.
///
/// # Errors
/// Of the system.
pub fn lacking(folder: &Path) -> io::Result<Option<u64>> {
    let found = statvfs(folder)?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    // Some file systems have no figures, and say zero.
    Ok((found.f_blocks > 0 && free < MIN_FREE_BYTES).then_some(free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_no_answer() {
        assert!(lacking(Path::new("/none/such")).is_err());
        assert!(lacking(Path::new("/proc")).is_ok_and(|free| free.is_none()));
    }
}
