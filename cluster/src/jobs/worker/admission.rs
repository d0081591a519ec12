//! The jobs that a worker has taken up, from the ticket's check until the carrier was taken: pure bookkeeping.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use cameo_common::ids::JobId;
use cameo_common::keys::PublicKey;
use cameo_dispatch::{CostModel, Event, TicketId};

use super::memory::{Budget, Taken};
use super::ticket_events::TicketEvents;

/// Most jobs that are taken up at one time, with the running ones and those whose carrier is being sent.
pub const MAX_HELD: usize = 64;
/// With less than one part in so many of the memory for pictures free, and nothing running, a worker stands still.
const PICTURES_SPARE: u64 = 8;
/// One device may have one part in so many of the jobs, and of the memory for inputs beyond its first one.
const HELD_BY_ONE: usize = 2;
/// A running job is reckoned with at least this part of its cost, however long it has been running.
const LEAST_LEFT: u64 = 8;
const MIN_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a good ticket is not taken up now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    InUse,
    Full {
        retry_after: Duration,
    },
    Draining,
    /// It will never fit.
    TooLong {
        limit: u64,
    },
}

/// What is taken up, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    pub running: u32,
    /// Waiting for a slot or for memory.
    pub queued: u32,
    /// Of these two.
    pub backlog_cpu_ms: u64,
    /// Taken up and waiting for their input.
    pub incoming: u32,
    pub incoming_cpu_ms: u64,
    pub draining: bool,
    /// Whatever came now would be refused, or stand still.
    pub full: bool,
    /// Bytes that another input may have.
    pub input_room: u64,
    pub input_limit: u64,
}

/// Everything taken up; `W` is what a slot needs to do a job.
#[derive(Debug)]
pub(crate) struct AdmissionControl<W> {
    held: HashMap<TicketId, Held>,
    /// With what each takes for its pictures.
    queue: VecDeque<(TicketId, W, u64)>,
    budget: Budget,
    taken: Taken,
    slots: u32,
    quota_millicores: u32,
    ticket_events: TicketEvents,
    costs: CostModel,
    admitted: u64,
    finished: u64,
    draining: bool,
}

/// One taking up of a ticket: the same ticket taken up again is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) ticket: TicketId,
    number: u64,
}

/// What became of a job that was really done.
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
    /// Its client is there.
    wanted: bool,
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
            taken: Taken::default(),
            slots,
            quota_millicores,
            ticket_events: TicketEvents::default(),
            costs: CostModel::default(),
            admitted: 0,
            finished: 0,
            draining: false,
        }
    }

    /// Takes a job up; its input may come now. The leader is told of one that is refused, so that it does not wait
    /// for it. A job is done once at a time, however many tickets were signed for it.
    pub(crate) fn admit(
        &mut self,
        id: TicketId,
        claim: Claim,
        now: Instant,
    ) -> Result<Admission, Refusal> {
        if self.held.contains_key(&id) {
            return Err(Refusal::InUse);
        }
        if let Err(refusal) = self.room(&claim, now) {
            self.ticket_events.refused(id, now);
            return Err(refusal);
        }
        self.admitted += 1;
        let number = self.admitted;
        let held = Held {
            number,
            claim,
            cost_ms: self.costs.predict(claim.size),
            wanted: true,
            phase: Phase::Incoming,
        };
        self.held.insert(id, held);
        self.taken.inputs += claim.size;
        self.ticket_events.record(Event::Accepted(id), now);
        Ok(Admission { ticket: id, number })
    }

    fn room(&self, claim: &Claim, now: Instant) -> Result<(), Refusal> {
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
        if is_full || self.has_enough(claim) {
            let retry_after = self.retry_after(now);
            return Err(Refusal::Full { retry_after });
        }
        Ok(())
    }

    /// Whether a device has its part of the jobs, or of the memory for inputs: its first may be of any size.
    fn has_enough(&self, claim: &Claim) -> bool {
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
        let limit = self.budget.inputs / HELD_BY_ONE as u64;
        jobs >= MAX_HELD / HELD_BY_ONE || (inputs > 0 && inputs + claim.size > limit)
    }

    /// Whether another job would be refused, or find the memory for pictures taken by carriers that nobody fetches.
    fn is_full(&self, running: u32) -> bool {
        let free = self.budget.pictures - self.taken.pictures;
        let next = self.queue.front().map(|(_, _, pictures)| *pictures);
        let wanted = next.unwrap_or(self.budget.pictures / PICTURES_SPARE);
        self.held.len() >= MAX_HELD || (running == 0 && free < wanted)
    }

    /// The input of a job that was taken up is here, and its pictures are known to take so much.
    pub(crate) fn enqueue(&mut self, id: TicketId, work: W, pictures: u64) {
        assert!(
            pictures <= self.budget.pictures,
            "what never fits is refused"
        );
        let Some(held) = self.held.get_mut(&id) else {
            unreachable!("a job is taken up first");
        };
        held.phase = Phase::Queued;
        self.queue.push_back((id, work, pictures));
    }

    /// The next job to run, if there is memory for it: none goes past it, so that large ones get their turn.
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

    /// A job's client has gone, or has all that it wanted. A running job is left to its slot; any other is
    /// forgotten. Answers whether one was that had not been begun.
    pub(crate) fn give_up(&mut self, admission: Admission, now: Instant) -> bool {
        let id = admission.ticket;
        let Some(held) = self.held.get_mut(&id) else {
            return false;
        };
        if held.number != admission.number {
            return false;
        }
        match held.phase {
            Phase::Incoming | Phase::Queued => {
                self.queue.retain(|(queued, _, _)| *queued != id);
                self.end(id, None, now);
                return true;
            }
            Phase::Running { .. } => held.wanted = false,
            Phase::Sending { carrier } => {
                self.taken.pictures -= carrier;
                self.held.remove(&id);
            }
        }
        false
    }

    /// A slot is through with a job. Its carrier counts until it was taken.
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
            Some(Done { carrier, .. }) if held.wanted => {
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

    /// What is taken up and not ended, given what jobs get.
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

    /// Predicted CPU time that is left of a job that has been running, if each slot got its part of what is usable.
    fn left_ms(&self, held: &Held, since: Instant, usable_millicores: u32, now: Instant) -> u64 {
        let elapsed_ms = now.saturating_duration_since(since).as_millis() as u64;
        let slot_millicores = u64::from(usable_millicores / self.slots.max(1));
        let used_ms = elapsed_ms.saturating_mul(slot_millicores) / 1000;
        held.cost_ms
            .saturating_sub(used_ms)
            .max(held.cost_ms / LEAST_LEFT)
    }

    fn retry_after(&self, now: Instant) -> Duration {
        let load = self.load(self.quota_millicores, now);
        let wait_ms = (load.backlog_cpu_ms + load.incoming_cpu_ms) * 1000
            / u64::from(self.quota_millicores.max(1));
        Duration::from_millis(wait_ms).clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
    }

    /// See [`TicketEvents::recent`].
    pub(crate) fn recent(&mut self, now: Instant) -> (u64, Vec<Event>) {
        self.ticket_events.recent(now)
    }

    /// Refuses whatever comes from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Jobs taken up whose clients do not have their carriers.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Memory that they take.
    pub(crate) fn taken(&self) -> Taken {
        self.taken
    }

    /// Memory that they may take.
    pub(crate) fn budget(&self) -> Budget {
        self.budget
    }

    /// Jobs done.
    pub(crate) fn finished(&self) -> u64 {
        self.finished
    }
}

#[cfg(test)]
mod tests;
