//! Measurement of the space of a file system.

use std::fmt::Debug;
use std::io;
use std::path::Path;

use rustix::fs::statvfs;

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// What a process without privileges may still write.
    pub free: u64,
    /// Of the whole file system.
    pub size: u64,
}

/// A source of these figures: the kernel, or a test.
pub trait SpaceMeter: Debug + Send + Sync + 'static {
    /// The file system of `folder`; `None` when it does not say.
    ///
    /// # Errors
    /// Of the system.
    fn measure(&self, folder: &Path) -> io::Result<Option<Measured>>;
}

/// The kernel's figures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filesystem;

impl SpaceMeter for Filesystem {
    fn measure(&self, folder: &Path) -> io::Result<Option<Measured>> {
        let found = statvfs(folder)?;
        // Some network and user-space file systems have no figures, and say zero.
        let is_known = found.f_blocks > 0;
        Ok(is_known.then(|| Measured {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            size: found.f_blocks.saturating_mul(found.f_frsize),
        }))
    }
}

/// A disk that does not say: one in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFigures;

impl SpaceMeter for NoFigures {
    fn measure(&self, _folder: &Path) -> io::Result<Option<Measured>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_kernel_says_how_many_bytes_are_free_and_of_how_many() {
        let folder = tempfile::tempdir().unwrap();
        let found = Filesystem.measure(folder.path()).unwrap().unwrap();
        assert!(0 < found.free && found.free <= found.size, "{found:?}");
        assert!(Filesystem.measure(&folder.path().join("none")).is_err());
        let no_figures = Filesystem.measure(Path::new("/proc")).unwrap();
        assert_eq!(no_figures, None);
    }
}
