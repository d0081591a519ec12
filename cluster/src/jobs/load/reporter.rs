//! Load reports for heartbeats.

use std::fmt;
use std::sync::Arc;

use cameo_dispatch::{REPORT_VERSION, Report};
use parking_lot::Mutex;

use super::sampler::Sampler;
use crate::jobs::worker::Worker;
use crate::jobs::worker::shared::Shared;

/// Reports a worker's load. Keeps the worker's state alive, but not its threads.
pub struct Reporter {
    worker: Arc<Shared>,
    sampler: Sampler,
    sequence: Mutex<u64>,
}

impl Reporter {
    /// Starts sampling.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(worker: &Worker) -> Result<Self, std::io::Error> {
        let worker = Arc::clone(worker.shared());
        let metered = Arc::clone(&worker);
        let threads = worker.shape.slots * worker.shape.threads;
        let sampler = Sampler::start(threads, move || metered.granted())?;
        Ok(Self {
            worker,
            sampler,
            sequence: Mutex::new(0),
        })
    }

    /// Reports without samples of the machine: for the simulator.
    #[must_use]
    pub fn simulated(worker: &Worker) -> Self {
        let worker = Arc::clone(worker.shared());
        let millicores = worker.settings.millicores;
        Self {
            worker,
            sampler: Sampler::Still { millicores },
            sequence: Mutex::new(0),
        }
    }

    /// The current load, encoded. Reads memory only.
    #[must_use]
    pub fn report(&self) -> Vec<u8> {
        self.now().encode()
    }

    /// The current load.
    #[must_use]
    pub fn now(&self) -> Report {
        let sample = self.sampler.latest();
        // Locked until the load is read: of two reports, the one with the higher number is never
        // older.
        let mut sequence = self.sequence.lock();
        *sequence += 1;
        let (load, first_event, events) = self.worker.load(sample.usable_millicores);
        let age = sample.taken.elapsed().as_millis();
        Report {
            version: REPORT_VERSION,
            incarnation: self.worker.settings.incarnation,
            sequence: *sequence,
            quota_millicores: sample.quota_millicores,
            usable_millicores: sample.usable_millicores,
            cpu_share_permille: sample.cpu_share_permille,
            slots: self.worker.shape.slots,
            running: load.running,
            queued: load.queued,
            backlog_cpu_ms: load.backlog_cpu_ms,
            incoming: load.incoming,
            incoming_cpu_ms: load.incoming_cpu_ms,
            first_event,
            events,
            sample_age_ms: u32::try_from(age).unwrap_or(u32::MAX),
            draining: load.draining,
            full: load.full,
            input_room: load.input_room,
            input_limit: load.input_limit,
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("sampler", &self.sampler)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}
