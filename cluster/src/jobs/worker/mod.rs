//! The worker: checks tickets, admits jobs within limits, and runs them in a pool.

pub mod accepted_job;
mod admission;
pub(super) mod counters;
pub mod cpu_meter;
pub mod error;
pub mod hide;
mod hold;
mod lost;
pub mod memory;
pub mod output;
mod pipe;
mod pool;
mod shape;
pub(super) mod shared;
mod simulated_slot;
mod ticket_events;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cameo_common::ids::Hash;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use cameo_dispatch::TicketId;
use futures_util::TryStreamExt;
use tokio::time::Instant;

use super::ticket::TicketError;
use accepted_job::AcceptedJob;
use admission::{AdmissionControl, Claim, Refusal};
use counters::JobCounts;
use error::JobError;
use hide::Hide;
use hold::Hold;
use memory::{Budget, MemoryUse};
use pool::start_slot;
use shared::{Pool, Shared};
use simulated_slot::SimulatedSlot;

pub use shared::{ClusterInfo, WorkerSettings};
pub use simulated_slot::JobCost;

/// A node's pool of job threads with its queue. Clones share it; it stops when the last one is
/// dropped.
#[derive(Clone)]
pub struct Worker {
    pool: Pool,
}

impl Worker {
    /// Starts the pool.
    ///
    /// # Errors
    /// When the system cannot start threads.
    pub fn start(
        settings: WorkerSettings,
        hide: Arc<dyn Hide>,
        cluster: Arc<dyn ClusterInfo>,
    ) -> Result<Self, std::io::Error> {
        let shared = Arc::new(Shared::new(settings, hide, cluster));
        let shape = shared.shape;
        // Built before the first slot, so that slots already started end when a later one fails.
        let pool = Pool::new(Arc::clone(&shared));
        for slot in 0..shape.slots as usize {
            start_slot(Arc::clone(&shared), slot, shape.threads)?;
        }
        Ok(Self { pool })
    }

    /// Starts the slots as tasks of this runtime: for the simulator, whose jobs take the time that
    /// `cost` says.
    #[must_use]
    pub fn simulated(
        settings: WorkerSettings,
        hide: Arc<dyn Hide>,
        cluster: Arc<dyn ClusterInfo>,
        cost: &JobCost,
    ) -> Self {
        let shared = Arc::new(Shared::new(settings, hide, cluster));
        for _ in 0..shared.shape.slots {
            tokio::spawn(SimulatedSlot::new(Arc::clone(&shared), cost.clone()).run());
        }
        Self {
            pool: Pool::new(shared),
        }
    }

    /// The state that the worker's parts share.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.pool.shared
    }

    /// Checks a ticket and admits its job, before the input is read. The job holds its place and
    /// its memory until it is run or dropped, so callers read the input under a deadline.
    ///
    /// # Errors
    /// When the ticket is invalid, or the worker is full or draining.
    pub async fn admit(
        &self,
        ticket: &Signed<Ticket>,
        caller: PublicKey,
    ) -> Result<AcceptedJob, JobError> {
        let admitted = self.accept(ticket, caller).await;
        if admitted.is_err() {
            self.pool.shared.counters.count_refused();
        }
        admitted
    }

    async fn accept(
        &self,
        ticket: &Signed<Ticket>,
        caller: PublicKey,
    ) -> Result<AcceptedJob, JobError> {
        let body = match self.pool.shared.check(ticket, caller) {
            Err(JobError::Ticket(TicketError::NewerTerm { .. })) => {
                tokio::time::sleep(self.pool.shared.settings.heartbeat).await;
                self.pool.shared.check(ticket, caller)?
            }
            checked => checked?,
        };
        let id = TicketId::of(ticket);
        let claim = Claim {
            client: body.client,
            job: body.job,
            size: body.size,
        };
        let admitted = self
            .pool
            .shared
            .change(|admission| admission.admit(id, claim, Instant::now()))
            .map_err(job_error)?;
        Ok(AcceptedJob {
            hold: Arc::new(Hold {
                pool: self.pool.clone(),
                admitted,
                stop: Arc::default(),
            }),
            ticket: body,
        })
    }

    /// Runs one job to its end: [`Worker::admit`] with the input at hand.
    ///
    /// # Errors
    /// As [`Worker::admit`]; when the input is invalid, the job fails, or the carrier is not
    /// fetched in time.
    pub async fn run(
        &self,
        ticket: &Signed<Ticket>,
        caller: PublicKey,
        input: Bytes,
    ) -> Result<Bytes, JobError> {
        let admitted = self.admit(ticket, caller).await?;
        let hash = Hash::of(&input);
        let carrier = admitted.run(input, hash).await?;
        let pieces: Vec<Bytes> = carrier.try_collect().await?;
        Ok(pieces.concat().into())
    }

    /// Jobs that ran to their end since the start.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.pool.shared.state.lock().admission.finished()
    }

    /// How the jobs ended since the start.
    #[must_use]
    pub fn counts(&self) -> JobCounts {
        self.pool.shared.counters.with_finished(self.finished())
    }

    /// Memory that jobs use now, and may use.
    #[must_use]
    pub fn memory(&self) -> (MemoryUse, Budget) {
        let state = self.pool.shared.state.lock();
        (state.admission.taken(), state.admission.budget())
    }

    /// Refuses new jobs from now on, and reports it. Admitted jobs go on.
    pub fn drain(&self) {
        self.pool.shared.change(AdmissionControl::drain);
    }

    /// Waits until every admitted job has ended and its carrier has been fetched.
    pub async fn wait_until_drained(&self) {
        let mut held = self.pool.shared.held.subscribe();
        // The sender lives as long as this worker.
        let _ = held.wait_for(|held| *held == 0).await;
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("settings", &self.pool.shared.settings)
            .field("shape", &self.pool.shared.shape)
            .finish_non_exhaustive()
    }
}

fn job_error(refusal: Refusal) -> JobError {
    match refusal {
        Refusal::InUse => TicketError::InUse.into(),
        Refusal::Full { retry_after } => JobError::QueueFull { retry_after },
        Refusal::Draining => JobError::Draining,
        Refusal::TooLong { limit } => JobError::InputTooLong { limit },
    }
}

#[cfg(test)]
mod tests;
