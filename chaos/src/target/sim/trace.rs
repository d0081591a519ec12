//! The trace of a run: a hash over all that happened, in order, and now and then a line with it, so
//! that two traces show where they part.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_millis(100);

/// Clones share it.
#[derive(Clone)]
pub(super) struct Trace(Arc<Mutex<State>>);

struct State {
    hasher: blake3::Hasher,
    events: u64,
    next_line: Duration,
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Trace {
    /// A new file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(State {
            hasher: blake3::Hasher::new(),
            events: 0,
            next_line: Duration::ZERO,
            file: BufWriter::new(File::create_new(path)?),
            failed: None,
        }))))
    }

    /// Bytes that have arrived at `to`.
    pub(super) fn arrived(&self, at: Duration, from: &str, to: &str, bytes: &[u8]) {
        let mut state = self.0.lock();
        state.event(at, from, to);
        state.hasher.update(&(bytes.len() as u64).to_le_bytes());
        state.hasher.update(bytes);
    }

    /// Anything else, in words; always a line.
    pub(super) fn told(&self, at: Duration, what: &str) {
        let mut state = self.0.lock();
        state.event(at, "", what);
        state.line(at, what);
    }

    /// The hash so far, and the number of events.
    pub(super) fn so_far(&self) -> (String, u64) {
        let state = self.0.lock();
        (
            state.hasher.finalize().to_hex()[..32].to_owned(),
            state.events,
        )
    }

    /// Hands everything to the system.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        match state.failed.take() {
            Some(error) => Err(error),
            None => state.file.flush(),
        }
    }
}

impl State {
    fn event(&mut self, at: Duration, from: &str, to: &str) {
        self.events += 1;
        self.hasher.update(&(at.as_micros() as u64).to_le_bytes());
        for text in [from, to] {
            self.hasher.update(&(text.len() as u64).to_le_bytes());
            self.hasher.update(text.as_bytes());
        }
        if at >= self.next_line {
            self.next_line = at + LINE_EVERY;
            self.line(at, "");
        }
    }

    fn line(&mut self, at: Duration, what: &str) {
        let hash = &self.hasher.finalize().to_hex()[..32];
        let (micros, events) = (at.as_micros(), self.events);
        let written = writeln!(self.file, "{micros} {events} {hash} {what}");
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }
}
