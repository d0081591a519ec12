//! What a worker's parts share: its jobs, its memory, its counters, and the cluster as it knows it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cameo_codec::CancelToken;
use cameo_codec::job::JobInput;
use cameo_common::ids::{ClusterId, JobId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use cameo_dispatch::{Event, TicketId};
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::watch;

use super::admission::{AdmissionControl, Done, Load};
use super::counters::Counters;
use super::cpu_meter::{CpuMeter, Granted};
use super::error::JobError;
use super::hide::Hide;
use super::memory::Budget;
use super::pipe::Pipe;
use super::shape::Shape;
use crate::jobs::leader::ticket::{Here, check};

/// What the worker knows of its cluster at this moment.
pub trait ClusterInfo: Send + Sync {
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
    /// CPU for jobs: see [`crate::jobs::load::available_millicores`].
    pub millicores: u32,
    /// Memory for jobs in all, in bytes; by the number of slots where none is named.
    pub memory: Option<u64>,
    /// A carrier has to be taken within this time of its first piece.
    pub download_deadline: Duration,
}

/// One job with its input, waiting for a slot.
pub(crate) struct Work {
    pub(crate) job: JobId,
    pub(crate) input: Bytes,
    /// Asked when its client has gone.
    pub(crate) stop: Arc<CancelToken>,
    pub(crate) pipe: Arc<Pipe>,
}

pub(crate) struct Shared {
    pub(crate) settings: WorkerSettings,
    pub(crate) shape: Shape,
    pub(crate) hide: Arc<dyn Hide>,
    pub(crate) meter: CpuMeter,
    pub(crate) counters: Counters,
    cluster: Arc<dyn ClusterInfo>,
    state: Mutex<State>,
    work: Condvar,
    pub(crate) held: watch::Sender<usize>,
}

pub(super) struct State {
    pub(super) admission: AdmissionControl<Work>,
    stopped: bool,
}

/// Stops the pool when it is dropped.
struct StopWhenDropped(Arc<Shared>);

/// The handle that keeps the pool running. Clones share it; with the last one the pool stops.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) shared: Arc<Shared>,
    _stop: Arc<StopWhenDropped>,
}

impl Pool {
    /// A pool whose slots are yet to be started.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let stop = Arc::new(StopWhenDropped(Arc::clone(&shared)));
        Self {
            shared,
            _stop: stop,
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Shared {
    pub(super) fn new(
        settings: WorkerSettings,
        hide: Arc<dyn Hide>,
        cluster: Arc<dyn ClusterInfo>,
    ) -> Self {
        let shape = Shape::of(settings.millicores);
        let budget = settings
            .memory
            .map_or(Budget::for_slots(shape.slots), Budget::of_total);
        Self {
            settings,
            shape,
            hide,
            meter: CpuMeter::new(shape.slots as usize),
            counters: Counters::default(),
            cluster,
            state: Mutex::new(State {
                admission: AdmissionControl::new(shape.slots, settings.millicores, budget),
                stopped: false,
            }),
            work: Condvar::new(),
            held: watch::Sender::new(0),
        }
    }

    pub(super) fn check(
        &self,
        ticket: &Signed<Ticket>,
        caller: PublicKey,
    ) -> Result<Ticket, JobError> {
        let here = Here {
            node: self.settings.node,
            incarnation: self.settings.incarnation,
            cluster: self.cluster.cluster().ok_or(JobError::NotFormed)?,
            term: self.cluster.term(),
            unix: self.cluster.unix_millis(),
        };
        let is_node_key = |key: &PublicKey| self.cluster.is_node_key(key);
        Ok(check(ticket, caller, here, is_node_key)?)
    }

    /// Waits for the next job; none when the worker stops.
    pub(crate) fn next_work(&self) -> Option<(TicketId, Work)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(next) = state.admission.begin(Instant::now()) {
                return Some(next);
            }
            self.work.wait(&mut state);
        }
    }

    /// What a job takes of memory beside its input.
    pub(crate) fn pictures(&self, input: &[u8]) -> Result<u64, JobError> {
        let input = JobInput::decode(input)?;
        let needs = self.hide.memory(&input);
        let needs = needs.map_err(|why| JobError::Hide(why.0))?;
        let limit = self.lock().admission.budget().pictures;
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
    pub(crate) fn end(&self, id: TicketId, done: Option<Done>) {
        self.change(|admission| admission.end(id, done, Instant::now()));
    }

    pub(crate) fn load(&self, usable_millicores: u32) -> (Load, u64, Vec<Event>) {
        let now = Instant::now();
        let mut state = self.lock();
        let load = state.admission.load(usable_millicores, now);
        let (first_event, events) = state.admission.recent(now);
        (load, first_event, events)
    }

    /// Counts how a job ended that a slot has worked on. Those that were done are counted by the admission.
    pub(crate) fn counted(&self, result: &Result<(), JobError>) {
        match result {
            Ok(()) => {}
            Err(JobError::GivenUp) => self.counters.cancelled(),
            Err(_) => self.counters.failed(),
        }
    }

    pub(crate) fn granted(&self) -> Granted {
        self.meter.granted()
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut AdmissionControl<Work>) -> R) -> R {
        let mut state = self.lock();
        let answer = change(&mut state.admission);
        self.held.send_replace(state.admission.held());
        // There may be work, or memory for work that waits.
        self.work.notify_all();
        answer
    }

    /// The state is whole between any two of its changes, so a panicked thread leaves it usable.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.work.notify_all();
    }
}
