//! The disk of a simulated machine: latencies from the seed, and failures on request.

use std::time::Duration;

use cameo_cluster::raft::memory::{DiskModel, NextSync};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Milliseconds of one sync, most of the time.
const USUAL_MS: std::ops::RangeInclusive<u64> = 1..=3;
/// Milliseconds of one in [`RARELY`].
const RARE_MS: std::ops::RangeInclusive<u64> = 10..=40;
const RARELY: u32 = 100;
/// As the real store's drain.
const WRITE_BEHIND: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct SimDisk(Mutex<State>);

#[derive(Debug)]
struct State {
    rng: StdRng,
    slower: Duration,
    fails: bool,
    struck: u64,
}

impl SimDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            slower: Duration::ZERO,
            fails: false,
            struck: 0,
        }))
    }

    /// Makes each sync slower.
    pub(super) fn slow(&self, by: Duration) {
        self.0.lock().slower = by;
    }

    /// Makes each sync fail.
    pub(super) fn fail(&self) {
        self.0.lock().fails = true;
    }

    /// How many syncs were struck since it was made slower or failing.
    pub(super) fn struck(&self) -> u64 {
        self.0.lock().struck
    }

    /// Ends both; returns how many syncs were struck.
    pub(super) fn repair(&self) -> u64 {
        let mut state = self.0.lock();
        state.slower = Duration::ZERO;
        state.fails = false;
        std::mem::take(&mut state.struck)
    }
}

impl DiskModel for SimDisk {
    fn next_sync(&self) -> NextSync {
        let mut state = self.0.lock();
        let range = match state.rng.random_range(0..RARELY) {
            0 => RARE_MS,
            _ => USUAL_MS,
        };
        let takes = Duration::from_millis(state.rng.random_range(range)) + state.slower;
        state.struck += u64::from(state.fails || state.slower > Duration::ZERO);
        NextSync {
            takes,
            fails: state.fails,
        }
    }

    fn survivors(&self, unsynced: usize) -> usize {
        self.0.lock().rng.random_range(0..=unsynced)
    }

    fn write_behind(&self) -> Duration {
        WRITE_BEHIND
    }
}
