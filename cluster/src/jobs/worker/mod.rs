//! The worker: checks tickets, takes jobs up within bounds, and has them done by the pool.

pub mod accepted_job;
mod admission;
pub(super) mod counters;
pub mod cpu_meter;
pub mod hide;
pub mod memory;
pub mod output;
mod pool;
mod ticket_events;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cameo_codec::job::JobInput;
use cameo_common::ids::{ClusterId, Hash, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use cameo_dispatch::{Event, TicketId};
use futures_util::TryStreamExt;
use tokio::sync::watch;

use super::error::JobError;
use super::leader::ticket::{Here, TicketError, check};
use accepted_job::{Admitted, Hold};
use admission::{Claim, Done, Intake, Load, Refusal};
use counters::{Counters, JobCounts};
use cpu_meter::{Granted, Meter};
use hide::Hide;
use memory::{Budget, Taken};
use pool::{Shape, Work, start_slot};

/// What the worker knows of its cluster at this moment.
pub trait Standing: Send + Sync {
    /// None before the cluster is formed.
    fn cluster(&self) -> Option<ClusterId>;
    fn term(&self) -> u64;
    /// Whether this is the key of a node that may lead: one of the descriptor.
    fn is_node_key(&self, key: &PublicKey) -> bool;
    fn unix_millis(&self) -> Millis;
}

/// Who the worker is and what it may use.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    pub node: NodeId,
    /// Random, and new at each start.
    pub incarnation: u64,
    /// A ticket of a term that is not known here yet waits this long for it.
    pub heartbeat: Duration,
    /// CPU for jobs: see [`super::load::available_millicores`].
    pub millicores: u32,
    /// Memory for jobs in all, in bytes; by the number of slots where none is named.
    pub memory: Option<u64>,
    /// A carrier has to be taken within this time of its first piece.
    pub download_deadline: Duration,
}

/// A node's pool of job threads with its queue. Clones share it; with the last one it stops.
#[derive(Clone)]
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    _stop: Arc<StopWhenDropped>,
}

pub(super) struct Shared {
    pub(super) settings: WorkerSettings,
    pub(super) shape: Shape,
    pub(super) hide: Arc<dyn Hide>,
    pub(super) meter: Meter,
    pub(super) counters: Counters,
    standing: Arc<dyn Standing>,
    state: Mutex<State>,
    work: Condvar,
    held: watch::Sender<usize>,
}

struct State {
    intake: Intake<Work>,
    stopped: bool,
}

struct StopWhenDropped(Arc<Shared>);

impl Worker {
    /// Starts the pool.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(
        settings: WorkerSettings,
        hide: Arc<dyn Hide>,
        standing: Arc<dyn Standing>,
    ) -> Result<Self, std::io::Error> {
        let shape = Shape::of(settings.millicores);
        let budget = settings
            .memory
            .map_or(Budget::for_slots(shape.slots), Budget::of_total);
        let shared = Arc::new(Shared {
            settings,
            shape,
            hide,
            meter: Meter::new(shape.slots as usize),
            counters: Counters::default(),
            standing,
            state: Mutex::new(State {
                intake: Intake::new(shape.slots, settings.millicores, budget),
                stopped: false,
            }),
            work: Condvar::new(),
            held: watch::Sender::new(0),
        });
        // Before the first slot, so that those already started end when a later one fails to.
        let stop = Arc::new(StopWhenDropped(Arc::clone(&shared)));
        for slot in 0..shape.slots as usize {
            start_slot(Arc::clone(&shared), slot, shape.threads)?;
        }
        Ok(Self {
            shared,
            _stop: stop,
        })
    }

    /// Checks a ticket and takes its job up, before the input is read. The job holds its place and its memory
    /// until the answer is run or dropped: give the reading of the input a deadline.
    ///
    /// # Errors
    /// When the ticket is no good, or the worker takes nothing more now.
    pub async fn admit(
        &self,
        ticket: &Signed<Ticket>,
        caller: PublicKey,
    ) -> Result<Admitted, JobError> {
        let admitted = self.take_up(ticket, caller).await;
        if admitted.is_err() {
            self.shared.counters.refused();
        }
        admitted
    }

    async fn take_up(
        &self,
        ticket: &Signed<Ticket>,
        caller: PublicKey,
    ) -> Result<Admitted, JobError> {
        let body = match self.shared.check(ticket, caller) {
            Err(JobError::Ticket(TicketError::NewerTerm { .. })) => {
                tokio::time::sleep(self.shared.settings.heartbeat).await;
                self.shared.check(ticket, caller)?
            }
            checked => checked?,
        };
        let id = TicketId::of(ticket);
        let claim = Claim {
            client: body.client,
            job: body.job,
            size: body.size,
        };
        let admission = self
            .shared
            .change(|intake| intake.admit(id, claim, Instant::now()))
            .map_err(refused)?;
        Ok(Admitted {
            hold: Arc::new(Hold {
                worker: self.clone(),
                admission,
                stop: Arc::default(),
            }),
            ticket: body,
        })
    }

    /// Does one job to its end: [`Worker::admit`] with the input at hand.
    ///
    /// # Errors
    /// See [`JobError`].
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

    /// Jobs done since the start.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.shared.lock().intake.finished()
    }

    /// What became of the jobs since the start.
    #[must_use]
    pub fn counts(&self) -> JobCounts {
        self.shared.counters.with_finished(self.finished())
    }

    /// Memory that jobs take now, and may take.
    #[must_use]
    pub fn memory(&self) -> (Taken, Budget) {
        let state = self.shared.lock();
        (state.intake.taken(), state.intake.budget())
    }

    /// Refuses new jobs from now on and says so in the reports. What was taken up goes on.
    pub fn drain(&self) {
        self.shared.change(Intake::drain);
    }

    /// Waits until every job that was taken up has ended, and its carrier was taken.
    pub async fn drained(&self) {
        let mut held = self.shared.held.subscribe();
        // The sender lives as long as this worker.
        let _ = held.wait_for(|held| *held == 0).await;
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("settings", &self.shared.settings)
            .field("shape", &self.shared.shape)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn check(&self, ticket: &Signed<Ticket>, caller: PublicKey) -> Result<Ticket, JobError> {
        let here = Here {
            node: self.settings.node,
            incarnation: self.settings.incarnation,
            cluster: self.standing.cluster().ok_or(JobError::NotFormed)?,
            term: self.standing.term(),
            unix: self.standing.unix_millis(),
        };
        let is_node_key = |key: &PublicKey| self.standing.is_node_key(key);
        Ok(check(ticket, caller, here, is_node_key)?)
    }

    /// Waits for the next job; none when the worker stops.
    pub(super) fn next_work(&self) -> Option<(TicketId, Work)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(next) = state.intake.begin(Instant::now()) {
                return Some(next);
            }
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What a job takes of memory beside its input.
    pub(super) fn pictures(&self, input: &[u8]) -> Result<u64, JobError> {
        let input = JobInput::decode(input)?;
        let needs = self.hide.memory(&input);
        let needs = needs.map_err(|why| JobError::Hide(why.0))?;
        let limit = self.lock().intake.budget().pictures;
        if needs > limit {
            return Err(JobError::PicturesTooLarge {
                needs,
                limit,
                pixels: self.hide.pixels_within(limit, &input),
            });
        }
        Ok(needs)
    }

    /// A slot is through with a job.
    pub(super) fn end(&self, id: TicketId, done: Option<Done>) {
        self.change(|intake| intake.end(id, done, Instant::now()));
    }

    pub(super) fn load(&self, usable_millicores: u32) -> (Load, u64, Vec<Event>) {
        let now = Instant::now();
        let mut state = self.lock();
        let load = state.intake.load(usable_millicores, now);
        let (first_event, events) = state.intake.recent(now);
        (load, first_event, events)
    }

    /// Counts how a job ended that a slot has worked on. Those that were done are counted by the intake.
    pub(super) fn counted(&self, result: &Result<(), JobError>) {
        match result {
            Ok(()) => {}
            Err(JobError::GivenUp) => self.counters.cancelled(),
            Err(_) => self.counters.failed(),
        }
    }

    pub(super) fn granted(&self) -> Granted {
        self.meter.granted()
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Intake<Work>) -> R) -> R {
        let mut state = self.lock();
        let answer = change(&mut state.intake);
        self.held.send_replace(state.intake.held());
        // There may be work, or memory for work that waits.
        self.work.notify_all();
        answer
    }

    /// The state is whole between any two of its changes, so a panicked thread leaves it usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.work.notify_all();
    }
}

fn refused(refusal: Refusal) -> JobError {
    match refusal {
        Refusal::InUse => TicketError::InUse.into(),
        Refusal::Full { retry_after } => JobError::QueueFull { retry_after },
        Refusal::Draining => JobError::Draining,
        Refusal::TooLong { limit } => JobError::InputTooLong { limit },
    }
}

#[cfg(test)]
mod tests;
