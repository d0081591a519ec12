//! Lines on their way to stderr, written by a thread of their own: a reader that reads nothing, a
//! full disk and a closed pipe hold up no part of the node.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Most lines that wait. Further ones are lost, and counted.
const MAX_LINES: usize = 4096;

/// Set once, by a process that runs for long. Others write directly.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Has a thread of its own write this process' lines.
///
/// # Errors
/// When the system starts no thread.
pub(super) fn start() -> io::Result<()> {
    let (queue, lines) = Queue::new(MAX_LINES);
    // A process starts its log once; a second queue would have no writer.
    if QUEUE.set(queue).is_err() {
        return Ok(());
    }
    let writer = thread::Builder::new().name("cameod-log".into());
    writer.spawn(move || {
        if let Some(queue) = QUEUE.get() {
            queue.write(&lines, &mut io::stderr());
        }
    })?;
    Ok(())
}

/// Writes a line, whole: by the thread if there is one.
pub(super) fn put(line: &[u8]) {
    match QUEUE.get() {
        Some(queue) => queue.put(line),
        // In one write, so that lines of other threads do not come between. Nobody may read it.
        None => drop(io::stderr().lock().write_all(line)),
    }
}

/// Waits until all lines are written, as before an end; no longer than this.
pub(super) fn flush(limit: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(limit);
    }
}

struct Queue {
    lines: SyncSender<Vec<u8>>,
    state: Mutex<State>,
    written: Condvar,
}

#[derive(Default)]
struct State {
    /// Lines that were taken and are not written yet.
    waiting: usize,
    /// Lines lost since the last one that was taken.
    lost: u64,
}

impl Queue {
    fn new(limit: usize) -> (Self, Receiver<Vec<u8>>) {
        let (lines, receiver) = sync_channel(limit);
        let queue = Self {
            lines,
            state: Mutex::default(),
            written: Condvar::new(),
        };
        (queue, receiver)
    }

    fn put(&self, line: &[u8]) {
        let mut state = self.state.lock();
        let line = match state.lost {
            0 => line.to_vec(),
            lost => {
                let told = format!("cameod: {lost} lines of this log were lost: nobody read it\n");
                [told.as_bytes(), line].concat()
            }
        };
        match self.lines.try_send(line) {
            Ok(()) => {
                state.waiting += 1;
                state.lost = 0;
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => state.lost += 1,
        }
    }

    fn write(&self, lines: &Receiver<Vec<u8>>, to: &mut impl Write) {
        while let Ok(line) = lines.recv() {
            // A line that cannot be written is lost; the node goes on.
            let _unread = to.write_all(&line).and_then(|()| to.flush());
            self.state.lock().waiting -= 1;
            self.written.notify_all();
        }
    }

    fn flush(&self, limit: Duration) {
        let mut state = self.state.lock();
        self.written
            .wait_while_for(&mut state, |state| state.waiting > 0, limit);
    }
}

/// A writer whose every write is one whole line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::*;

    /// Written bytes, once the test has let the writer go.
    struct Held {
        go: mpsc::Receiver<()>,
        bytes: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Held {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.go.recv();
            self.bytes.lock().extend(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_reads_nothing_holds_up_no_line_and_what_was_lost_is_told() {
        // given a log whose reader has stopped
        let (queue, lines) = Queue::new(3);
        let queue = Arc::new(queue);
        let (go, wait) = mpsc::channel();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut to = Held {
            go: wait,
            bytes: bytes.clone(),
        };
        // when more lines come than it keeps, then none of them waits
        for i in 0..10 {
            queue.put(format!("line {i}\n").as_bytes());
        }
        queue.flush(Duration::from_millis(1));
        // and when it reads again, then it has the first ones, and how many are missing
        let writer = thread::spawn({
            let queue = queue.clone();
            move || queue.write(&lines, &mut to)
        });
        drop(go);
        queue.flush(Duration::from_secs(10));
        queue.put(b"line 10\n");
        queue.flush(Duration::from_secs(10));
        let seen = String::from_utf8_lossy(&bytes.lock()).into_owned();
        assert_eq!(
            seen,
            "line 0\nline 1\nline 2\ncameod: 7 lines of this log were lost: nobody read it\nline \
             10\n"
        );
        assert!(!writer.is_finished());
    }

    #[test]
    fn a_log_that_cannot_be_written_ends_nothing() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (queue, lines) = Queue::new(3);
        queue.put(b"one\n");
        queue.put(b"two\n");
        let queue = Arc::new(queue);
        let writer = queue.clone();
        thread::spawn(move || writer.write(&lines, &mut Full));
        queue.flush(Duration::from_secs(10));
        assert_eq!(queue.state.lock().waiting, 0);
    }
}
