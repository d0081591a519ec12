//! Verification of the state in the background, after a start that has not read all of it.
//!
//! sled detects a damaged page when it is read, and then the process ends; a lost page shows in the
//! digest alone. A start that did not come to the end of this, for whatever reason, is counted:
//! after some of them the next one reads all rows before it goes on, and rebuilds a damaged state.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::layout::DataDirectory;
use super::snapshot::DAMAGED;
use super::state::{State, Walk};

/// Starts in a row that may leave the state unverified.
pub(super) const MAX_UNVERIFIED_STARTS: u32 = 3;

/// Time for the write-behind to catch up before the next attempt.
const CATCH_UP: Duration = Duration::from_secs(1);

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Verification {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Verification {
    pub fn start(state: State, directory: Arc<DataDirectory>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("state-verify".to_owned())
            .spawn(move || run(&state, &directory, &stopped))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that verifies the state panicked");
        }
    }
}

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Intact,
    Damaged,
    Stopped,
}

fn run(state: &State, directory: &DataDirectory, stop: &AtomicBool) {
    let began = Instant::now();
    let generation = state.shared.generation();
    // sled panics on some kinds of damage.
    let verdict = catch_unwind(AssertUnwindSafe(|| verify(state, stop)));
    let is_replaced = !Arc::ptr_eq(&generation, &state.shared.generation());
    let marked = match verdict.unwrap_or(Verdict::Damaged) {
        Verdict::Stopped => Ok(()),
        Verdict::Damaged if !is_replaced => {
            // Before the failure, on which the process ends.
            let marked = directory.mark_unverified(MAX_UNVERIFIED_STARTS);
            state.shared.fail(DAMAGED.to_owned());
            marked
        }
        // What has replaced it was verified by itself.
        Verdict::Intact | Verdict::Damaged => {
            let seconds = began.elapsed().as_secs();
            tracing::info!(seconds, "the state is verified: its rows have their digest");
            directory.mark_verified()
        }
    };
    if let Err(error) = marked {
        tracing::warn!(%error, "what the verification of the state has found is not recorded");
    }
}

/// Reads all rows, and begins anew when that has held up the write-behind for long.
fn verify(state: &State, stop: &AtomicBool) -> Verdict {
    loop {
        if let Some(verdict) = attempt(state, stop) {
            return verdict;
        }
        state.shared.drain_signal.request();
        state.shared.generation().wait_written(CATCH_UP);
    }
}

/// Takes half of a core at most; `None` when too much waits to be written.
fn attempt(state: &State, stop: &AtomicBool) -> Option<Verdict> {
    let shared = &state.shared;
    let view = state.view();
    let expected = view.generation.digest_of(&view.applied);
    let mut walk = Walk::new(&view, shared.options.walk_bytes);
    drop(view);
    loop {
        let began = Instant::now();
        if stop.load(Ordering::Acquire) {
            return Some(Verdict::Stopped);
        }
        // A snapshot has replaced it, and was verified by itself.
        if !walk.is_of(&shared.generation()) {
            return Some(Verdict::Intact);
        }
        if walk.next_page().is_none() {
            break;
        }
        if walk.overlay_bytes() > shared.options.walk_overlay_bytes {
            return None;
        }
        walk.pause(began);
    }
    Some(match *walk.digest() == expected {
        true => Verdict::Intact,
        false => Verdict::Damaged,
    })
}
