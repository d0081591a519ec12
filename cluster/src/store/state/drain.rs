//! Write-behind: about once a second the overlay is written to sled, in atomic batches that each
//! end with an entry.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::database::GenerationError;
use super::generation::Generation;
use super::shared::Shared;

/// Interval of flushing sled's buffers to the kernel; what a kill loses is replayed from the log.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Time limit of one wait for readers, after which the drain checks whether it should stop.
const READER_TIMEOUT: Duration = Duration::from_millis(100);

/// The write-behind's thread. Stopping it drains the rest.
#[derive(Debug)]
pub(crate) struct Drain {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Drain {
    pub fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                // The overlay would never shrink again, so applying has to fail.
                if catch_unwind(AssertUnwindSafe(|| run(&shared))).is_err() {
                    shared.fail("the write-behind of the state panicked".to_owned());
                }
            }
        };
        let thread = thread::Builder::new()
            .name("state-drain".to_owned())
            .spawn(run)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Drains everything that was applied, flushes it to the kernel and ends the thread. What does
    /// not fit on the disk is left to the next start, which replays it from the log.
    pub fn finish(mut self) -> io::Result<()> {
        self.stop();
        let generation = self.shared.generation();
        while generation.unwritten().is_some() && self.shared.failure().is_none() {
            if !write_batch(&self.shared, &generation) && self.shared.space.is_low() {
                tracing::warn!(
                    "the disk is low, and the newest state is not written: the next start takes it \
                     from the log"
                );
                break;
            }
        }
        match self.shared.failure() {
            Some(why) => Err(io::Error::other(why)),
            None => generation.flush().map_err(io::Error::other),
        }
    }

    fn stop(&mut self) {
        self.shared.drain_signal.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the write-behind of the state panicked while it was stopped");
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(shared: &Shared) {
    let mut flushed = Instant::now();
    let mut unflushed = false;
    while shared.drain_signal.wait(shared.options.drain_every) {
        if shared.failure().is_some() {
            continue;
        }
        let generation = shared.generation();
        unflushed |= write_all(shared, &generation);
        if unflushed && flushed.elapsed() >= FLUSH_EVERY {
            if let Err(error) = generation.flush() {
                shared.fail(describe(&error));
            }
            unflushed = false;
            flushed = Instant::now();
        }
    }
}

/// Writes step by step what there is; true when something was written.
fn write_all(shared: &Shared, generation: &Generation) -> bool {
    let mut is_written = false;
    loop {
        let is_step = generation.has_step();
        if !write_batch(shared, generation) {
            return is_written;
        }
        is_written = true;
        if !is_step {
            return true;
        }
    }
}

/// Writes one batch; true when something was written. Nothing is, while the disk is low: the
/// changes wait in memory, and the log has them.
fn write_batch(shared: &Shared, generation: &Generation) -> bool {
    let Some(applied) = generation.unwritten() else {
        return false;
    };
    // Measured now: a database that runs into a full disk cannot be used any more.
    if shared.space.measure().is_low {
        return false;
    }
    if !generation.wait_for_readers(applied.version(), READER_TIMEOUT) {
        return false;
    }
    let result = match applied.index().map(|index| shared.wal.sync_up_to(index)) {
        Some(Err(error)) => Err(error.into()),
        _ => generation.write_back(&applied),
    };
    if let Err(error) = &result {
        shared.fail(describe(error));
    }
    shared.overlay_shrunk.notify_waiters();
    result.is_ok()
}

fn describe(error: &GenerationError) -> String {
    format!(
        "the state could not be written ({error}): free space on the disk and start the node \
         again; nothing acknowledged is lost, because it is in the log"
    )
}
