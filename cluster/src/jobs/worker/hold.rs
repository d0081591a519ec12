//! A client's hold on its job.

use std::sync::Arc;

use cameo_codec::CancelToken;
use tokio::time::Instant;

use super::admission::Admitted;
use super::shared::Pool;

/// A client's hold on its job. Dropping it cancels the job and frees its place and memory.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) pool: Pool,
    pub(crate) admitted: Admitted,
    pub(crate) stop: Arc<CancelToken>,
}

impl Hold {
    /// Cancels the job, if it has not ended: its client has disconnected or has its carrier.
    pub(crate) fn cancel(&self) {
        self.stop.cancel();
        if self.cancel_unbegun() {
            self.pool.shared.counters.count_cancelled();
        }
    }

    /// Ends the job because its input is invalid.
    pub(crate) fn fail(&self) {
        if self.cancel_unbegun() {
            self.pool.shared.counters.count_failed();
        }
    }

    /// Whether the job had not begun, and ends now.
    fn cancel_unbegun(&self) -> bool {
        let admitted = self.admitted;
        let shared = &self.pool.shared;
        shared.change(|jobs| jobs.cancel(admitted, Instant::now()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.cancel();
    }
}
