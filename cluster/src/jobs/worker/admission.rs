//! Admission control of a worker: bookkeeping of its jobs, from the ticket's check until the
//! carrier has been fetched. No input or output.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use cameo_common::ids::JobId;
use cameo_common::keys::PublicKey;
use cameo_dispatch::{CostModel, Event, TicketId};
use tokio::time::Instant;

use super::memory::{Budget, MemoryUse};
use super::ticket_events::TicketEvents;

/// Most jobs held at one time, including running ones and those whose carrier is being sent.
pub const MAX_HELD: usize = 64;
/// A worker with nothing running counts as full while less than 1/8 of its memory for pictures is
/// free.
const SPARE_FRACTION: u64 = 8;
/// One device may hold at most 1/2 of the jobs, and of the memory for inputs beyond its first one.
const DEVICE_FRACTION: usize = 2;
/// A running job counts with at least 1/8 of its predicted cost, however long it has been running.
const MIN_LEFT_FRACTION: u64 = 8;
const MIN_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a valid ticket is not admitted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    InUse,
    Full {
        retry_after: Duration,
    },
    Draining,
    /// It can never fit.
    TooLong {
        limit: u64,
    },
}

/// Numbers of the jobs that are admitted and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    pub running: u32,
    /// Waiting for a slot or for memory.
    pub queued: u32,
    /// CPU time of the running and the queued jobs.
    pub backlog_cpu_ms: u64,
    /// Admitted and waiting for their input.
    pub incoming: u32,
    pub incoming_cpu_ms: u64,
    pub draining: bool,
    /// Another job would be refused, or wait for memory that no running job will free.
    pub full: bool,
    /// Bytes that another input may take.
    pub input_room: u64,
    pub input_limit: u64,
}

/// All admitted jobs; `W` is what a slot needs to run one.
#[derive(Debug)]
pub(crate) struct AdmissionControl<W> {
    held: HashMap<TicketId, Held>,
    /// Each job with the bytes that its pictures take.
    queue: VecDeque<(TicketId, W, u64)>,
    budget: Budget,
    taken: MemoryUse,
    slots: u32,
    quota_millicores: u32,
    ticket_events: TicketEvents,
    costs: CostModel,
    admitted: u64,
    finished: u64,
    draining: bool,
}

/// A ticket that was admitted. The same ticket admitted again has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) ticket: TicketId,
    number: u64,
}

/// The result of a job that ran to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) cpu: Duration,
    /// Bytes of its carrier.
    pub(crate) carrier: u64,
}

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) client: PublicKey,
    pub(crate) job: JobId,
    /// Bytes of input.
    pub(crate) size: u64,
}

#[derive(Debug)]
struct Held {
    number: u64,
    claim: Claim,
    cost_ms: u64,
    /// Its client is still connected.
    connected: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Waiting for its input.
    Incoming,
    /// Waiting for a slot or for memory.
    Queued,
    Running {
        since: Instant,
        pictures: u64,
    },
    Sending {
        carrier: u64,
    },
}

impl<W> AdmissionControl<W> {
    pub(crate) fn new(slots: u32, quota_millicores: u32, budget: Budget) -> Self {
        Self {
            held: HashMap::new(),
            queue: VecDeque::new(),
            budget,
            taken: MemoryUse::default(),
            slots,
            quota_millicores,
            ticket_events: TicketEvents::default(),
            costs: CostModel::default(),
            admitted: 0,
            finished: 0,
            draining: false,
        }
    }

    /// Admits a job, whose input may then be uploaded. Refusals are reported to the leader, which
    /// releases the reservation. A job runs once at a time, however many tickets were signed for
    /// it.
    pub(crate) fn admit(
        &mut self,
        id: TicketId,
        claim: Claim,
        now: Instant,
    ) -> Result<Admitted, Refusal> {
        if self.held.contains_key(&id) {
            return Err(Refusal::InUse);
        }
        if let Err(refusal) = self.check_room(&claim, now) {
            self.ticket_events.record_refusal(id, now);
            return Err(refusal);
        }
        self.admitted += 1;
        let number = self.admitted;
        let held = Held {
            number,
            claim,
            cost_ms: self.costs.predict(claim.size),
            connected: true,
            phase: Phase::Incoming,
        };
        self.held.insert(id, held);
        self.taken.inputs += claim.size;
        self.ticket_events.record(Event::Accepted(id), now);
        Ok(Admitted { ticket: id, number })
    }

    fn check_room(&self, claim: &Claim, now: Instant) -> Result<(), Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        let limit = self.budget.inputs;
        if claim.size > limit {
            return Err(Refusal::TooLong { limit });
        }
        let same = |held: &Held| (held.claim.client, held.claim.job) == (claim.client, claim.job);
        if self.held.values().any(same) {
            return Err(Refusal::InUse);
        }
        let is_full = self.held.len() >= MAX_HELD || self.taken.inputs + claim.size > limit;
        if is_full || self.is_over_share(claim) {
            let retry_after = self.retry_after(now);
            return Err(Refusal::Full { retry_after });
        }
        Ok(())
    }

    /// Whether a device has used up its share of the jobs, or of the memory for inputs. Its first
    /// input may have any size.
    fn is_over_share(&self, claim: &Claim) -> bool {
        let (mut jobs, mut inputs) = (0, 0);
        for held in self
            .held
            .values()
            .filter(|held| held.claim.client == claim.client)
        {
            jobs += 1;
            if !matches!(held.phase, Phase::Sending { .. }) {
                inputs += held.claim.size;
            }
        }
        let limit = self.budget.inputs / DEVICE_FRACTION as u64;
        jobs >= MAX_HELD / DEVICE_FRACTION || (inputs > 0 && inputs + claim.size > limit)
    }

    /// Whether another job would be refused, or wait for memory that is held by carriers which
    /// nobody fetches.
    fn is_full(&self, running: u32) -> bool {
        let free = self.budget.pictures - self.taken.pictures;
        let next = self.queue.front().map(|(_, _, pictures)| *pictures);
        let wanted = next.unwrap_or(self.budget.pictures / SPARE_FRACTION);
        self.held.len() >= MAX_HELD || (running == 0 && free < wanted)
    }

    /// Queues an admitted job whose input has arrived; `pictures` is the memory that its pictures
    /// take.
    pub(crate) fn enqueue(&mut self, id: TicketId, work: W, pictures: u64) {
        assert!(
            pictures <= self.budget.pictures,
            "jobs that never fit are refused"
        );
        let Some(held) = self.held.get_mut(&id) else {
            unreachable!("a job is admitted first");
        };
        held.phase = Phase::Queued;
        self.queue.push_back((id, work, pictures));
    }

    /// Takes the next job to run, if there is memory for it. Strictly in order, so that large jobs
    /// are not starved.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<(TicketId, W)> {
        let (_, _, pictures) = self.queue.front()?;
        if self.taken.pictures + pictures > self.budget.pictures {
            return None;
        }
        let (id, work, pictures) = self.queue.pop_front()?;
        if let Some(held) = self.held.get_mut(&id) {
            held.phase = Phase::Running {
                since: now,
                pictures,
            };
            self.taken.pictures += pictures;
        }
        Some((id, work))
    }

    /// Cancels a job whose client has disconnected or has its carrier. A running job is left to its
    /// slot; any other is removed. Returns whether the job was removed before it began.
    pub(crate) fn cancel(&mut self, admitted: Admitted, now: Instant) -> bool {
        let id = admitted.ticket;
        let Some(held) = self.held.get_mut(&id) else {
            return false;
        };
        if held.number != admitted.number {
            return false;
        }
        match held.phase {
            Phase::Incoming | Phase::Queued => {
                self.queue.retain(|(queued, _, _)| *queued != id);
                self.end(id, None, now);
                return true;
            }
            Phase::Running { .. } => held.connected = false,
            Phase::Sending { carrier } => {
                self.taken.pictures -= carrier;
                self.held.remove(&id);
            }
        }
        false
    }

    /// Ends a job whose slot has finished with it. Its carrier counts until it has been fetched.
    pub(crate) fn end(&mut self, id: TicketId, done: Option<Done>, now: Instant) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        self.taken.inputs -= held.claim.size;
        if let Phase::Running { pictures, .. } = held.phase {
            self.taken.pictures -= pictures;
        }
        let cpu_ms = done.map(|done| u32::try_from(done.cpu.as_millis()).unwrap_or(u32::MAX));
        if let Some(cpu_ms) = cpu_ms {
            self.finished += 1;
            self.costs.learn(held.claim.size, u64::from(cpu_ms));
        }
        match done {
            Some(Done { carrier, .. }) if held.connected => {
                held.phase = Phase::Sending { carrier };
                self.taken.pictures += carrier;
            }
            _ => {
                self.held.remove(&id);
            }
        }
        let ticket = id;
        self.ticket_events
            .record(Event::Finished { ticket, cpu_ms }, now);
    }

    /// The load of all admitted jobs, given the CPU that jobs get.
    pub(crate) fn load(&self, usable_millicores: u32, now: Instant) -> Load {
        let mut load = Load {
            draining: self.draining,
            ..Load::default()
        };
        for held in self.held.values() {
            match held.phase {
                Phase::Incoming => {
                    load.incoming += 1;
                    load.incoming_cpu_ms += held.cost_ms;
                }
                Phase::Queued => {
                    load.queued += 1;
                    load.backlog_cpu_ms += held.cost_ms;
                }
                Phase::Running { since, .. } => {
                    load.running += 1;
                    load.backlog_cpu_ms += self.left_ms(held, since, usable_millicores, now);
                }
                Phase::Sending { .. } => {}
            }
        }
        load.full = self.is_full(load.running);
        load.input_room = self.budget.inputs - self.taken.inputs;
        load.input_limit = self.budget.inputs;
        load
    }

    /// Predicted CPU time left of a running job, if each slot got its share of the usable CPU.
    fn left_ms(&self, held: &Held, since: Instant, usable_millicores: u32, now: Instant) -> u64 {
        let elapsed_ms = now.saturating_duration_since(since).as_millis() as u64;
        let slot_millicores = u64::from(usable_millicores / self.slots.max(1));
        let used_ms = elapsed_ms.saturating_mul(slot_millicores) / 1000;
        held.cost_ms
            .saturating_sub(used_ms)
            .max(held.cost_ms / MIN_LEFT_FRACTION)
    }

    fn retry_after(&self, now: Instant) -> Duration {
        let load = self.load(self.quota_millicores, now);
        let wait_ms = (load.backlog_cpu_ms + load.incoming_cpu_ms) * 1000
            / u64::from(self.quota_millicores.max(1));
        Duration::from_millis(wait_ms).clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
    }

    /// The events that the reports repeat, and the number of the first: [`TicketEvents::recent`].
    pub(crate) fn recent(&mut self, now: Instant) -> (u64, Vec<Event>) {
        self.ticket_events.recent(now)
    }

    /// Refuses all new jobs from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Admitted jobs whose carriers have not been fetched.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Memory that they use.
    pub(crate) fn taken(&self) -> MemoryUse {
        self.taken
    }

    /// Memory that they may use.
    pub(crate) fn budget(&self) -> Budget {
        self.budget
    }

    /// Jobs that ran to their end.
    pub(crate) fn finished(&self) -> u64 {
        self.finished
    }
}

#[cfg(test)]
mod tests;
