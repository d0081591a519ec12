//! The log of the decisions that this node makes while it leads, for `cameo-chaos decisions` (law
//! J2).
//!
//! Placement never waits for the disk: decisions go through a bounded queue to a writer thread.
//! When the queue is full or writing fails, decisions are lost, and the next line that is written
//! counts them.

mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use cameo_common::ids::NodeId;
use cameo_dispatch::{Decision, LOG_SCHEMA, Logged};
use parking_lot::Mutex;

use file::LogFile;
pub use file::MAX_FILE;

use crate::host::clock::WallClock;

/// Most decisions that wait for the disk.
const MAX_WAITING: usize = 1024;
/// Most bytes of waiting decisions that are combined to one write.
const GATHER: usize = 256 * 1024;

/// Why decisions cannot be logged, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum DecisionLogError {
    #[error("--decisions {0} is not a regular file: name one, or a path that does not exist yet")]
    NotAFile(PathBuf),
    #[error("--decisions {0} is in use by another node: give each node its own file")]
    InUse(PathBuf),
    #[error("--decisions {path} cannot be written: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// A node's decision log, while it is open.
pub struct DecisionLog {
    node: NodeId,
    clock: Arc<dyn WallClock>,
    queue: SyncSender<Message>,
    /// Decisions lost since the last one that was queued.
    dropped: AtomicU64,
    writer: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    Line(Box<Logged>),
    End,
}

/// Destination of the lines. Tests replace it to simulate a slow or full disk.
trait Sink: Send + 'static {
    /// Writes complete lines, all of them or none.
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;
}

impl DecisionLog {
    /// Opens the log of a node and appends to it.
    ///
    /// # Errors
    /// When the path is not a regular file, is in use by another node, or cannot be opened or
    /// written.
    pub fn open(
        path: &Path,
        node: NodeId,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self, DecisionLogError> {
        let file = LogFile::open(path, MAX_FILE)?;
        Self::start(file, MAX_WAITING, node, clock).map_err(|error| DecisionLogError::Io {
            path: path.to_path_buf(),
            error,
        })
    }

    fn start(
        sink: impl Sink,
        waiting: usize,
        node: NodeId,
        clock: Arc<dyn WallClock>,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(waiting);
        let writer = std::thread::Builder::new()
            .name("cameo-decisions".to_owned())
            .spawn(move || write(&waiting, sink))?;
        Ok(Self {
            node,
            clock,
            queue,
            dropped: AtomicU64::new(0),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Queues a decision for writing; never waits. Must be called by one thread at a time, in the
    /// order of the decisions.
    pub fn record(&self, decision: &Decision) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let line = Logged {
            schema: LOG_SCHEMA,
            leader: self.node,
            unix_ms: self.clock.unix_millis(),
            dropped,
            decision: decision.clone(),
        };
        if self.queue.try_send(Message::Line(Box::new(line))).is_err() {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }

    /// Writes the queued decisions and ends. Blocks; later decisions are lost.
    pub fn close(&self) {
        let mut writer = self.writer.lock();
        let Some(writer) = writer.take() else {
            return;
        };
        // Fails only when the writer has ended, which the join reports.
        let _ended = self.queue.send(Message::End);
        if writer.join().is_err() {
            tracing::error!("the writer of the decision log has panicked");
        }
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "the last decisions are missing in the decision log"
            );
        }
    }
}

impl Drop for DecisionLog {
    /// A simulated process that is killed ends no thread, and its next one opens the file again.
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for DecisionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionLog of node {}", self.node)
    }
}

/// Writes queued lines, combining those that wait, so that a burst takes few writes.
fn write(queue: &Receiver<Message>, mut sink: impl Sink) {
    let mut lost = 0;
    let mut open = true;
    while open {
        let Ok(Message::Line(first)) = queue.recv() else {
            break;
        };
        let mut batch = Batch::default();
        batch.add(*first, lost);
        while batch.text.len() < GATHER {
            match queue.try_recv() {
                Ok(Message::Line(next)) => batch.add(*next, 0),
                Ok(Message::End) => {
                    open = false;
                    break;
                }
                Err(_) => break,
            }
        }
        lost = match sink.append(&batch.text) {
            Ok(()) => batch.lost,
            Err(error) => {
                if lost == 0 {
                    tracing::warn!(
                        %error,
                        "cannot write the decision log; lost decisions are counted"
                    );
                }
                batch.lost + batch.decisions
            }
        };
    }
    if lost > 0 {
        tracing::warn!(lost, "the last decisions are missing in the decision log");
    }
}

#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    /// Decisions that the lines account for, including lost ones.
    decisions: u64,
    /// Decisions after the last line that could not be encoded.
    lost: u64,
}

impl Batch {
    /// Adds a line that also accounts for decisions lost before it.
    fn add(&mut self, mut line: Logged, lost: u64) {
        line.dropped += lost + std::mem::take(&mut self.lost);
        let accounts_for = line.dropped + 1;
        match line.to_line() {
            Ok(text) => {
                self.text.extend_from_slice(text.as_bytes());
                self.text.push(b'\n');
                self.decisions += accounts_for;
            }
            Err(error) => {
                tracing::error!(%error, "cannot encode a decision as JSON");
                self.lost = accounts_for;
            }
        }
    }
}
