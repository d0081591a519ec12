//! The wake-up of the drain.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

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
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .now = true;
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stop = true;
        self.changed.notify_all();
    }

    /// Waits for the interval, or less when asked; false when the drain should end.
    pub fn wait(&self, interval: Duration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut asked, _) = self
            .changed
            .wait_timeout_while(asked, interval, |asked| !asked.now && !asked.stop)
            .unwrap_or_else(PoisonError::into_inner);
        asked.now = false;
        !asked.stop
    }
}
