//! The jobs that a worker has taken up, from the ticket's check to the job's end: pure bookkeeping.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use cameo_common::job::MAX_INPUT;
use cameo_dispatch::{CostModel, Event, TicketId};

use super::journal::Journal;

/// Most jobs that are taken up at one time, running ones included.
pub const MAX_HELD: usize = 64;
/// A running job is reckoned with at least this part of its cost, however long it has been running.
const LEAST_LEFT: u64 = 8;
const MIN_RETRY_AFTER: Duration = Duration::from_millis(250);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a good ticket is not taken up now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    InUse,
    Full { retry_after: Duration },
    Draining,
}

/// What is taken up, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    pub running: u32,
    /// Taken up and not running: waiting for their input or for a slot.
    pub queued: u32,
    pub backlog_cpu_ms: u64,
    pub draining: bool,
}

/// Everything taken up; `W` is what a slot needs to do a job.
#[derive(Debug)]
pub(super) struct Intake<W> {
    held: HashMap<TicketId, Held>,
    queue: VecDeque<(TicketId, W)>,
    held_bytes: u64,
    max_bytes: u64,
    slots: u32,
    quota_millicores: u32,
    journal: Journal,
    costs: CostModel,
    admitted: u64,
    finished: u64,
    draining: bool,
}

/// One taking up of a ticket: the same ticket taken up again is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) ticket: TicketId,
    number: u64,
}

#[derive(Debug)]
struct Held {
    number: u64,
    size: u64,
    cost_ms: u64,
    running_since: Option<Instant>,
}

impl<W> Intake<W> {
    /// Inputs may take as much memory as the longest one for each slot.
    pub(super) fn new(slots: u32, quota_millicores: u32) -> Self {
        Self {
            held: HashMap::new(),
            queue: VecDeque::new(),
            held_bytes: 0,
            max_bytes: MAX_INPUT as u64 * u64::from(slots),
            slots,
            quota_millicores,
            journal: Journal::default(),
            costs: CostModel::default(),
            admitted: 0,
            finished: 0,
            draining: false,
        }
    }

    /// Takes a job up; its input may come now.
    pub(super) fn admit(
        &mut self,
        id: TicketId,
        size: u64,
        now: Instant,
    ) -> Result<Admission, Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        if self.held.contains_key(&id) {
            return Err(Refusal::InUse);
        }
        if self.held.len() >= MAX_HELD || self.held_bytes + size > self.max_bytes {
            let retry_after = self.retry_after(now);
            return Err(Refusal::Full { retry_after });
        }
        self.admitted += 1;
        let number = self.admitted;
        let held = Held {
            number,
            size,
            cost_ms: self.costs.predict(size),
            running_since: None,
        };
        self.held.insert(id, held);
        self.held_bytes += size;
        self.journal.record(Event::TakenUp(id), now);
        Ok(Admission { ticket: id, number })
    }

    /// The input of a job that was taken up is here.
    pub(super) fn enqueue(&mut self, id: TicketId, work: W) {
        assert!(self.held.contains_key(&id), "a job is taken up first");
        self.queue.push_back((id, work));
    }

    /// The next job to run.
    pub(super) fn begin(&mut self, now: Instant) -> Option<(TicketId, W)> {
        let (id, work) = self.queue.pop_front()?;
        if let Some(held) = self.held.get_mut(&id) {
            held.running_since = Some(now);
        }
        Some((id, work))
    }

    /// A job's client has gone. A running job is left to its slot; any other is forgotten, which is answered.
    pub(super) fn give_up(&mut self, admission: Admission, now: Instant) -> bool {
        let id = admission.ticket;
        let waits = |held: &Held| held.number == admission.number && held.running_since.is_none();
        let forgotten = self.held.get(&id).is_some_and(waits);
        if forgotten {
            self.queue.retain(|(queued, _)| *queued != id);
            self.end(id, None, now);
        }
        forgotten
    }

    /// A slot is through with a job; with its CPU time when it was really done.
    pub(super) fn end(&mut self, id: TicketId, cpu: Option<Duration>, now: Instant) {
        let Some(held) = self.held.remove(&id) else {
            return;
        };
        self.held_bytes -= held.size;
        let cpu_ms = cpu.map(|cpu| u32::try_from(cpu.as_millis()).unwrap_or(u32::MAX));
        if let Some(cpu_ms) = cpu_ms {
            self.finished += 1;
            self.costs.learn(held.size, u64::from(cpu_ms));
        }
        let ticket = id;
        self.journal.record(Event::Finished { ticket, cpu_ms }, now);
    }

    /// What is taken up and not ended, given what jobs get.
    pub(super) fn load(&self, usable_millicores: u32, now: Instant) -> Load {
        let running = self.held.values().filter(|h| h.running_since.is_some());
        let running = running.count() as u32;
        Load {
            running,
            queued: self.held.len() as u32 - running,
            backlog_cpu_ms: self
                .held
                .values()
                .map(|held| self.left_ms(held, usable_millicores, now))
                .sum(),
            draining: self.draining,
        }
    }

    /// Predicted CPU time that is left of a job, if each slot got its part of what is usable.
    fn left_ms(&self, held: &Held, usable_millicores: u32, now: Instant) -> u64 {
        let Some(since) = held.running_since else {
            return held.cost_ms;
        };
        let elapsed_ms = now.saturating_duration_since(since).as_millis() as u64;
        let slot_millicores = u64::from(usable_millicores / self.slots.max(1));
        let used_ms = elapsed_ms.saturating_mul(slot_millicores) / 1000;
        held.cost_ms
            .saturating_sub(used_ms)
            .max(held.cost_ms / LEAST_LEFT)
    }

    fn retry_after(&self, now: Instant) -> Duration {
        let load = self.load(self.quota_millicores, now);
        let wait_ms = load.backlog_cpu_ms * 1000 / u64::from(self.quota_millicores.max(1));
        Duration::from_millis(wait_ms).clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
    }

    /// See [`Journal::recent`].
    pub(super) fn recent(&mut self, now: Instant) -> (u64, Vec<Event>) {
        self.journal.recent(now)
    }

    /// Refuses whatever comes from now on.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// Jobs taken up and not ended.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Jobs done.
    pub(super) fn finished(&self) -> u64 {
        self.finished
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn id(n: usize) -> TicketId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
        TicketId(bytes)
    }

    fn intake() -> Intake<&'static str> {
        Intake::new(1, 1000)
    }

    #[test]
    fn jobs_run_in_the_order_in_which_their_inputs_came() {
        let now = Instant::now();
        let mut intake = intake();
        intake.admit(id(1), MIB, now).unwrap();
        intake.admit(id(2), MIB, now).unwrap();
        intake.enqueue(id(2), "second ticket");
        intake.enqueue(id(1), "first ticket");
        assert_eq!(intake.begin(now), Some((id(2), "second ticket")));
        assert_eq!(intake.begin(now), Some((id(1), "first ticket")));
        assert_eq!(intake.begin(now), None);
    }

    #[test]
    fn a_ticket_is_not_used_twice_at_once_but_may_be_again() {
        let now = Instant::now();
        let mut intake = intake();
        let first = intake.admit(id(1), MIB, now).unwrap();
        assert_eq!(intake.admit(id(1), MIB, now), Err(Refusal::InUse));
        intake.end(id(1), None, now);
        let again = intake.admit(id(1), MIB, now).unwrap();
        intake.give_up(first, now);
        assert_eq!(intake.held(), 1, "the first taking up has ended already");
        intake.give_up(again, now);
        assert_eq!(intake.held(), 0);
    }

    #[test]
    fn the_number_of_jobs_is_bounded() {
        let now = Instant::now();
        let mut intake = intake();
        for n in 0..MAX_HELD {
            intake.admit(id(n), 1, now).unwrap();
        }
        let full = intake.admit(id(MAX_HELD), 1, now).unwrap_err();
        assert!(matches!(full, Refusal::Full { retry_after } if retry_after >= MIN_RETRY_AFTER));
        intake.end(id(0), None, now);
        intake.admit(id(MAX_HELD), 1, now).unwrap();
    }

    #[test]
    fn the_memory_for_inputs_is_bounded() {
        let now = Instant::now();
        let mut intake = intake();
        let large = intake.admit(id(1), MAX_INPUT as u64, now).unwrap();
        assert!(matches!(
            intake.admit(id(2), 1, now),
            Err(Refusal::Full { .. })
        ));
        intake.give_up(large, now);
        intake.admit(id(2), 1, now).unwrap();
    }

    #[test]
    fn giving_up_removes_what_waits_and_leaves_what_runs() {
        let now = Instant::now();
        let mut intake = intake();
        let taken: Vec<Admission> = (1..=3)
            .map(|n| intake.admit(id(n), MIB, now).unwrap())
            .collect();
        intake.enqueue(id(1), "runs");
        intake.enqueue(id(2), "waits");
        intake.begin(now);
        for admission in taken {
            intake.give_up(admission, now);
        }
        assert_eq!(intake.begin(now), None);
        let load = intake.load(1000, now);
        assert_eq!((load.running, load.queued), (1, 0));
        assert_eq!(intake.finished(), 0);
    }

    #[test]
    fn the_backlog_shrinks_as_a_job_runs_but_not_to_nothing() {
        let now = Instant::now();
        let mut intake = intake();
        intake.admit(id(1), 10 * MIB, now).unwrap();
        intake.admit(id(2), 10 * MIB, now).unwrap();
        intake.enqueue(id(1), "");
        let all = intake.load(1000, now).backlog_cpu_ms;
        intake.begin(now);
        let later = now + Duration::from_millis(100);
        assert_eq!(intake.load(1000, later).backlog_cpu_ms, all - 100);
        assert_eq!(intake.load(500, later).backlog_cpu_ms, all - 50);
        let much_later = now + Duration::from_secs(1000);
        let left = intake.load(1000, much_later).backlog_cpu_ms;
        assert!(left > all / 2 && left < all);
    }

    #[test]
    fn only_jobs_that_were_done_count_and_teach() {
        let now = Instant::now();
        let mut intake = intake();
        for n in 1..=3 {
            intake.admit(id(n), MIB, now).unwrap();
        }
        intake.end(id(1), Some(Duration::from_millis(700)), now);
        intake.end(id(2), None, now);
        assert_eq!(intake.finished(), 1);
        let (first, events) = intake.recent(now);
        assert_eq!((first, events.len()), (0, 5));
        let expected = Event::Finished {
            ticket: id(1),
            cpu_ms: Some(700),
        };
        assert_eq!(events[3], expected);
        intake.admit(id(4), MIB, now).unwrap();
        assert!(intake.load(1000, now).backlog_cpu_ms > 700);
    }

    #[test]
    fn draining_refuses_the_new_and_keeps_the_old() {
        let now = Instant::now();
        let mut intake = intake();
        intake.admit(id(1), MIB, now).unwrap();
        intake.drain();
        assert_eq!(intake.admit(id(2), MIB, now), Err(Refusal::Draining));
        assert_eq!(intake.held(), 1);
        assert!(intake.load(1000, now).draining);
    }
}
