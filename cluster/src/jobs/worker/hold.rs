//! A client's hold on its job.

use std::sync::Arc;
use std::time::Instant;

use cameo_codec::CancelToken;

use super::admission::Admission;
use super::shared::Pool;

/// A client's hold on its job: the place, the memory and the work are there for as long as it is.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) pool: Pool,
    pub(crate) admission: Admission,
    pub(crate) stop: Arc<CancelToken>,
}

impl Hold {
    /// The client has gone, or has all that it wanted.
    pub(crate) fn let_go(&self) {
        self.stop.cancel();
        if self.give_up() {
            self.pool.shared.counters.cancelled();
        }
    }

    /// The input is no good.
    pub(crate) fn fail(&self) {
        if self.give_up() {
            self.pool.shared.counters.failed();
        }
    }

    /// Whether the job had not been begun, and ends here.
    fn give_up(&self) -> bool {
        let admission = self.admission;
        let shared = &self.pool.shared;
        shared.change(|jobs| jobs.give_up(admission, Instant::now()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.let_go();
    }
}
