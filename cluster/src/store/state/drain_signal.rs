//! The wake-up of the drain.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes the drain before its time.
#[derive(Debug, Default)]
pub(crate) struct DrainSignal {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Asked {
    now: bool,
    stop: bool,
}

impl DrainSignal {
    /// The overlay is full: do not wait for the interval.
    pub fn drain_now(&self) {
        self.asked.lock().now = true;
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.asked.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits for the interval, or less when asked; false when the drain should end.
    pub fn wait(&self, interval: Duration) -> bool {
        let mut asked = self.asked.lock();
        let quiet = |asked: &mut Asked| !asked.now && !asked.stop;
        let _either = self.changed.wait_while_for(&mut asked, quiet, interval);
        asked.now = false;
        !asked.stop
    }
}
