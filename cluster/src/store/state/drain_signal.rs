//! Signal that wakes the write-behind.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes the write-behind before its interval has passed, or stops it.
#[derive(Debug, Default)]
pub(crate) struct DrainSignal {
    requests: Mutex<Requests>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Requests {
    now: bool,
    stop: bool,
}

impl DrainSignal {
    /// Requests a write now, because the overlay is full.
    pub fn request(&self) {
        self.requests.lock().now = true;
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.requests.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits for the interval or a request; false when the drain should end.
    pub fn wait(&self, interval: Duration) -> bool {
        let mut requests = self.requests.lock();
        let none = |requests: &mut Requests| !requests.now && !requests.stop;
        let _timed_out = self.changed.wait_while_for(&mut requests, none, interval);
        requests.now = false;
        !requests.stop
    }
}
