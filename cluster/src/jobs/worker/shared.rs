//! State that the parts of a worker share: its jobs, memory and counters, and the cluster's current
//! state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_codec::CancelToken;
use cameo_codec::job::JobInput;
use cameo_common::ids::{ClusterId, JobId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use cameo_dispatch::{Event, TicketId};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;
use tokio::time::Instant;

use super::admission::{AdmissionControl, Done, Load};
use super::counters::Counters;
use super::cpu_meter::{CpuMeter, Granted};
use super::error::JobError;
use super::hide::Hide;
use super::memory::Budget;
use super::pipe::Pipe;
use super::shape::Shape;
use crate::jobs::ticket::{TicketContext, check};

/// The cluster as the worker sees it at this moment.
pub trait ClusterInfo: Send + Sync {
    /// None before the node belongs to a cluster.
    fn cluster(&self) -> Option<ClusterId>;
    fn term(&self) -> u64;
    /// Whether this is a node key of the descriptor: the key of a node that may lead.
    fn is_node_key(&self, key: &PublicKey) -> bool;
    fn unix_millis(&self) -> Millis;
}

/// The worker's identity and limits.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    pub node: NodeId,
    /// Random, new at each start.
    pub incarnation: u64,
    /// How long a ticket of a later term waits for this node to reach that term.
    pub heartbeat: Duration,
    /// CPU for jobs, from [`crate::jobs::load::available_millicores`].
    pub millicores: u32,
    /// Memory for all jobs, in bytes. By default it depends on the number of slots.
    pub memory: Option<u64>,
    /// A carrier must be fetched within this time of its first piece.
    pub download_deadline: Duration,
}

/// One job with its input, waiting for a slot.
pub(crate) struct Work {
    pub(crate) job: JobId,
    pub(crate) input: Bytes,
    /// Cancelled when its client has disconnected.
    pub(crate) stop: Arc<CancelToken>,
    pub(crate) pipe: Arc<Pipe>,
}

pub(crate) struct Shared {
    pub(crate) settings: WorkerSettings,
    pub(crate) shape: Shape,
    pub(crate) hide: Arc<dyn Hide>,
    pub(crate) meter: CpuMeter,
    pub(crate) counters: Counters,
    pub(super) cluster: Arc<dyn ClusterInfo>,
    pub(super) state: Mutex<State>,
    work: Condvar,
    pub(crate) held: watch::Sender<usize>,
}

pub(super) struct State {
    pub(super) admission: AdmissionControl<Work>,
    stopped: bool,
}

/// Stops the pool when dropped.
struct StopWhenDropped(Arc<Shared>);

/// Keeps the pool running. Clones share it; the pool stops when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) shared: Arc<Shared>,
    _stop: Arc<StopWhenDropped>,
}

impl Pool {
    /// A pool whose slots are not started yet.
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
        let context = TicketContext {
            node: self.settings.node,
            incarnation: self.settings.incarnation,
            cluster: self.cluster.cluster().ok_or(JobError::NotFormed)?,
            term: self.cluster.term(),
            unix: self.cluster.unix_millis(),
        };
        let is_node_key = |key: &PublicKey| self.cluster.is_node_key(key);
        Ok(check(ticket, caller, context, is_node_key)?)
    }

    /// Waits for the next job; none once the worker stops.
    pub(crate) fn next_work(&self) -> Option<(TicketId, Work)> {
        let mut state = self.state.lock();
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

    /// As [`Shared::next_work`], for a slot that is a task.
    pub(crate) async fn next_work_of_task(&self) -> Option<(TicketId, Work)> {
        let mut changes = self.held.subscribe();
        loop {
            {
                let mut state = self.state.lock();
                if state.stopped {
                    return None;
                }
                if let Some(next) = state.admission.begin(Instant::now()) {
                    return Some(next);
                }
            }
            changes.changed().await.ok()?;
        }
    }

    /// Memory that a job uses beside its input.
    pub(crate) fn pictures(&self, input: &[u8]) -> Result<u64, JobError> {
        let input = JobInput::decode(input)?;
        let needs = self.hide.memory(&input);
        let needs = needs.map_err(|why| JobError::Hide(why.0))?;
        let limit = self.state.lock().admission.budget().pictures;
        if needs > limit {
            return Err(JobError::PicturesTooLarge {
                needs,
                limit,
                pixels: self.hide.pixels_within(limit, &input),
            });
        }
        Ok(needs)
    }

    /// Ends a job whose slot has finished with it.
    pub(crate) fn end(&self, id: TicketId, done: Option<Done>) {
        self.change(|admission| admission.end(id, done, Instant::now()));
    }

    pub(crate) fn load(&self, usable_millicores: u32) -> (Load, u64, Vec<Event>) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let load = state.admission.load(usable_millicores, now);
        let (first_event, events) = state.admission.recent(now);
        (load, first_event, events)
    }

    /// Counts how a job ended in its slot. Jobs that succeeded are counted by the admission
    /// control.
    pub(crate) fn count_failure(&self, result: &Result<(), JobError>) {
        match result {
            Ok(()) => {}
            Err(JobError::Cancelled) => self.counters.count_cancelled(),
            Err(_) => self.counters.count_failed(),
        }
    }

    pub(crate) fn granted(&self) -> Granted {
        self.meter.granted()
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut AdmissionControl<Work>) -> R) -> R {
        let mut state = self.state.lock();
        let answer = change(&mut state.admission);
        self.held.send_replace(state.admission.held());
        // There may be work, or memory for queued work.
        self.work.notify_all();
        answer
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.state.lock().stopped = true;
        self.0.work.notify_all();
        self.0.held.send_modify(|_| {});
    }
}
