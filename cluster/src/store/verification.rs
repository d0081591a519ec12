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
use std::time::Instant;

use super::layout::DataDirectory;
use super::state::digest::RowDigest;
use super::state::{State, Walk};

/// Starts in a row that may leave the state unverified.
pub(super) const MAX_UNVERIFIED_STARTS: u32 = 3;

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
    // sled panics on some kinds of damage.
    let verdict = catch_unwind(AssertUnwindSafe(|| verify(state, stop)));
    let marked = match verdict.unwrap_or(Verdict::Damaged) {
        Verdict::Intact => {
            let seconds = began.elapsed().as_secs();
            tracing::info!(seconds, "the state is verified: its rows have their digest");
            directory.mark_verified()
        }
        Verdict::Damaged => {
            state.shared.fail(
                "the state on this node's disk is damaged: its rows differ from their digest. \
                 Start the node again: it rebuilds the state from its snapshot and the log"
                    .to_owned(),
            );
            directory.mark_unverified(MAX_UNVERIFIED_STARTS)
        }
        Verdict::Stopped => Ok(()),
    };
    if let Err(error) = marked {
        tracing::warn!(%error, "what the verification of the state has found is not recorded");
    }
}

/// Reads all rows, and takes half of a core at most.
fn verify(state: &State, stop: &AtomicBool) -> Verdict {
    let view = state.view();
    let expected = view.generation.digest_of(&view.applied);
    let mut walk = Walk::new(&view, state.shared.options.walk_bytes);
    drop(view);
    let mut found = RowDigest::default();
    loop {
        let began = Instant::now();
        let Some(rows) = walk.next_page() else {
            break;
        };
        for (key, value) in &rows {
            found.add(key, value);
        }
        if stop.load(Ordering::Acquire) {
            return Verdict::Stopped;
        }
        thread::sleep(began.elapsed());
    }
    // A snapshot may have replaced it, which was verified by itself.
    match found == expected || !walk.is_of(&state.shared.generation()) {
        true => Verdict::Intact,
        false => Verdict::Damaged,
    }
}
