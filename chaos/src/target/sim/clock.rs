//! The wall clock of a simulated machine, which can be wrong.

use std::time::Duration;

use cameo_cluster::host::clock::WallClock;
use cameo_common::ids::Millis;
use parking_lot::Mutex;

/// Seconds since 1970 at which every run begins: 1 January 2026.
pub(super) const EPOCH: u64 = 1_767_225_600;

/// Time since the run began, for code that runs on a simulated machine.
pub(super) fn elapsed() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// True time.
pub(super) fn true_millis() -> Millis {
    Millis(EPOCH * 1000 + elapsed().as_millis() as u64)
}

/// A machine's clock.
#[derive(Debug)]
pub(super) struct SimClock(Mutex<Error>);

#[derive(Debug, Clone, Copy)]
struct Error {
    ahead_ms: i64,
    /// Thousandths of a second that it counts in a second.
    rate: u32,
    /// Since when it has this rate.
    since: Duration,
    wrong_reads: u64,
}

impl Default for SimClock {
    fn default() -> Self {
        Self(Mutex::new(Error {
            ahead_ms: 0,
            rate: 1000,
            since: Duration::ZERO,
            wrong_reads: 0,
        }))
    }
}

impl SimClock {
    /// Sets it ahead of true time, or behind.
    pub(super) fn jump(&self, ahead_ms: i64) {
        self.0.lock().ahead_ms = ahead_ms;
    }

    /// Lets it run fast or slow from `now` on.
    pub(super) fn drift(&self, rate: u32, now: Duration) {
        let mut error = self.0.lock();
        error.rate = rate;
        error.since = now;
    }

    /// How often it was read while it was wrong.
    pub(super) fn wrong_reads(&self) -> u64 {
        self.0.lock().wrong_reads
    }

    /// Sets it right; returns how often it was read while it was wrong.
    pub(super) fn set_right(&self) -> u64 {
        let wrong = *self.0.lock();
        *self.0.lock() = *Self::default().0.lock();
        wrong.wrong_reads
    }
}

impl WallClock for SimClock {
    fn unix_millis(&self) -> Millis {
        let mut error = self.0.lock();
        let now = elapsed();
        let drifted = now.saturating_sub(error.since).as_millis() as i64;
        let ahead = error.ahead_ms + drifted * (i64::from(error.rate) - 1000) / 1000;
        error.wrong_reads += u64::from(ahead != 0);
        let Millis(right) = true_millis();
        Millis(right.saturating_add_signed(ahead))
    }
}
