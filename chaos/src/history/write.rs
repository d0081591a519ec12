//! Writing of a history while it is made.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::row::Row;

/// Appends rows to a file; clones share it. What was recorded is in the file when the last clone is
/// dropped, by a panic too.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<BufWriter<File>>>);

impl Recorder {
    /// A new file.
    ///
    /// # Errors
    /// When it exists, or cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::create_new(path)?;
        Ok(Self(Arc::new(Mutex::new(BufWriter::new(file)))))
    }

    /// Appends a row. Its outcome and its return are both there, or neither.
    ///
    /// # Panics
    /// When the file cannot be written: the run is void.
    pub fn record(&self, row: &Row) {
        assert_eq!(row.op.has_outcome(), row.ret.is_some(), "{row:?}");
        let mut file = self.0.lock();
        let line = serde_json::to_vec(row).map_err(io::Error::other);
        let written = line.and_then(|line| {
            file.write_all(&line)?;
            file.write_all(b"\n")
        });
        if let Err(why) = written {
            panic!("the history cannot be written: {why}");
        }
    }

    /// Hands everything recorded so far to the system.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&self) -> io::Result<()> {
        self.0.lock().flush()
    }
}
