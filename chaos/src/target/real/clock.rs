//! The clock of one node, by libfaketime.
//!
//! The library is loaded into the unchanged program and reads, once a second, a file with the time
//! by which the wall clock is wrong. The monotonic clock is left alone, as a jump of the wall clock
//! of a real machine leaves it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Where distributions put the library for programs with threads.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

/// A clock that can be made wrong.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    library: &'static str,
}

/// There is no libfaketime.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("libfaketime is not installed (Debian package `faketime`)")]
pub struct NoFaketime;

impl Clock {
    /// Whether clocks can be made wrong here.
    ///
    /// # Errors
    /// When they cannot.
    pub fn library() -> Result<&'static str, NoFaketime> {
        let found = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        found.ok_or(NoFaketime)
    }

    /// A clock that is right.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn create(file: PathBuf, library: &'static str) -> io::Result<Self> {
        let clock = Self { file, library };
        clock.set(0)?;
        Ok(clock)
    }

    /// Makes it wrong by these milliseconds.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn set(&self, ahead_ms: i64) -> io::Result<()> {
        let sign = if ahead_ms < 0 { '-' } else { '+' };
        let ahead = ahead_ms.unsigned_abs();
        let text = format!("{sign}{}.{:03}s\n", ahead / 1000, ahead % 1000);
        // Never half a file: the library would take that for the true time.
        let new = self.file.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(new, &self.file)
    }

    /// Variables of the node's environment.
    #[must_use]
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        [
            ("LD_PRELOAD", OsString::from(self.library)),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone().into()),
            ("FAKETIME_CACHE_DURATION", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ]
        .map(|(name, value)| (name.into(), value))
        .into()
    }
}
