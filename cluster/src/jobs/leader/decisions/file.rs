//! The file of a decision log: append-only, and rotated when it is full.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{DecisionLogError, Sink};

/// A file that would grow longer than this is renamed to `FILE.1`, which replaces an earlier one.
/// So there are at most two.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;
/// Readable by its owner only: it shows who shares how much, though not what.
const MODE: u32 = 0o600;
/// Bytes read at a time to find the end of the last whole line.
const STEP: u64 = 64 * 1024;

pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    max: u64,
    /// A partial write could not be undone: the file ends in an incomplete line.
    torn: bool,
}

impl LogFile {
    /// Opens or creates the file. An incomplete line at its end, left by a killed node, is cut off.
    pub(super) fn open(path: &Path, max: u64) -> Result<Self, DecisionLogError> {
        let io = |error| DecisionLogError::Io {
            path: path.to_path_buf(),
            error,
        };
        // Checked first: opening a named pipe would wait for its reader.
        match fs::metadata(path) {
            Ok(there) if !there.is_file() => {
                return Err(DecisionLogError::NotAFile(path.to_path_buf()));
            }
            _ => {}
        }
        let mut file = options().open(path).map_err(io)?;
        lock(&file, path)?;
        file.set_permissions(Permissions::from_mode(MODE))
            .map_err(io)?;
        let length = whole_lines(&mut file).map_err(io)?;
        let excess = file.metadata().map_err(io)?.len() - length;
        if excess > 0 {
            tracing::warn!(
                bytes = excess,
                "the decision log ended in an incomplete line, which has been removed"
            );
            file.set_len(length).map_err(io)?;
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length,
            max,
            torn: false,
        })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let before = rotated(&self.path);
        fs::rename(&self.path, &before)?;
        let fresh = options().open(&self.path).and_then(|file| {
            lock(&file, &self.path).map_err(io::Error::other)?;
            Ok(file)
        });
        match fresh {
            Ok(file) => {
                (self.file, self.length) = (file, 0);
                Ok(())
            }
            Err(error) => {
                fs::rename(&before, &self.path)?;
                Err(error)
            }
        }
    }

    fn truncate(&mut self) -> io::Result<()> {
        self.torn = true;
        self.file.set_len(self.length)?;
        self.torn = false;
        Ok(())
    }
}

impl Sink for LogFile {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.truncate()?;
        }
        let more = lines.len() as u64;
        if self.length > 0 && self.length + more > self.max {
            self.rotate()?;
        }
        match self.file.write_all(lines) {
            Ok(()) => {
                self.length += more;
                Ok(())
            }
            Err(error) => {
                self.truncate()?;
                Err(error)
            }
        }
    }
}

/// The name of the rotated file.
pub(super) fn rotated(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(MODE);
    options
}

fn lock(file: &File, path: &Path) -> Result<(), DecisionLogError> {
    let path = path.to_path_buf();
    file.try_lock().map_err(|refused| match refused {
        TryLockError::WouldBlock => DecisionLogError::InUse(path),
        TryLockError::Error(error) => DecisionLogError::Io { path, error },
    })
}

/// Length in bytes of the complete lines.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let begin = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        (&*file).take(end - begin).read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}
