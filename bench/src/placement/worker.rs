//! Simulated workers: accepted jobs, their true ends, and the worker's reports.
//!
//! The backlog is computed as in a node: from the *predicted* costs of accepted jobs, by a cost
//! model that learns from the worker's own jobs. Of a running job at least an eighth is left,
//! however long it has run.

use std::collections::VecDeque;

use cameo_common::ids::NodeId;
use cameo_dispatch::{CostModel, Event, REPORT_VERSION, Report, TicketId};

use super::slots::Slots;
use super::ticket_events::TicketEvents;
use super::workload::Arrival;
use super::{MILLISECOND, SECOND};

/// As in a node's admission.
const MIN_REMAINING_DIVISOR: u64 = 8;
/// As in a node's sampler.
pub const SAMPLE_EVERY: u64 = SECOND / 5;
const SMOOTH_OVER: u64 = SECOND / 2;

#[derive(Debug)]
pub struct Worker {
    pub node: NodeId,
    pub incarnation: u64,
    pub alive: bool,
    slots: Slots,
    accepted: VecDeque<AcceptedJob>,
    /// Jobs on their way here, by the time at which they can run. Used by the oracle only.
    incoming: Vec<Incoming>,
    costs: CostModel,
    ticket_events: TicketEvents,
    sequence: u64,
    busy: BusyTime,
}

#[derive(Debug)]
struct AcceptedJob {
    job: usize,
    ticket: TicketId,
    size: u64,
    cost_ms: u64,
    /// Begin and end of its run, once the input is complete.
    runs: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Incoming {
    job: usize,
    ready: u64,
    cpu: u64,
}

/// Time during which slots ran jobs, and the smoothed share computed from it.
#[derive(Debug, Default)]
struct BusyTime {
    ended: u64,
    sampled: u64,
    sampled_at: u64,
    share: f64,
}

impl Worker {
    /// `interval` is the time between two of its reports.
    pub fn new(node: NodeId, millicores: u32, interval: u64) -> Self {
        Self {
            node,
            incarnation: 1,
            alive: true,
            slots: Slots::of(millicores),
            accepted: VecDeque::new(),
            incoming: Vec::new(),
            costs: CostModel::default(),
            ticket_events: TicketEvents::new(interval),
            sequence: 0,
            busy: BusyTime::default(),
        }
    }

    /// Records a job that was placed here.
    pub fn expect(&mut self, job: usize, ready: u64, cpu: u64) {
        let at = self.incoming.partition_point(|other| other.ready <= ready);
        self.incoming.insert(at, Incoming { job, ready, cpu });
    }

    /// Increase of the sum of the true ends of all jobs here or on their way, if a job that can run
    /// from `ready` on were added: its own end, plus the delay of jobs that it would overtake
    /// because their input arrives later.
    pub fn true_cost(&self, ready: u64, cpu: u64) -> u64 {
        let before = self.incoming.partition_point(|other| other.ready <= ready);
        let mut without = self.slots;
        for other in &self.incoming[..before] {
            without.enqueue(other.ready, other.cpu);
        }
        let mut with = without;
        let (_, mut cost) = with.enqueue(ready, cpu);
        for other in &self.incoming[before..] {
            let (_, late) = with.enqueue(other.ready, other.cpu);
            let (_, early) = without.enqueue(other.ready, other.cpu);
            cost += late - early;
        }
        cost
    }

    /// Accepts a job; its upload begins.
    pub fn accept(&mut self, job: usize, ticket: TicketId, size: u64, now: u64) {
        let cost_ms = self.costs.predict(size);
        self.accepted.push_back(AcceptedJob {
            job,
            ticket,
            size,
            cost_ms,
            runs: None,
        });
        self.ticket_events.record(Event::Accepted(ticket), now);
    }

    /// Queues a job whose input is complete. Returns when it will have ended.
    pub fn enqueue(&mut self, job: usize, arrival: &Arrival, now: u64) -> Option<u64> {
        self.incoming.retain(|incoming| incoming.job != job);
        // The newest jobs are last; with a bad policy there may be thousands.
        let mut newest_first = self.accepted.iter_mut().rev();
        let accepted = newest_first.find(|accepted| accepted.job == job)?;
        let runs = self.slots.enqueue(now, arrival.cpu);
        accepted.runs = Some(runs);
        Some(runs.1)
    }

    /// Ends a job.
    pub fn end(&mut self, job: usize, arrival: &Arrival, now: u64) {
        let Some(at) = self
            .accepted
            .iter()
            .position(|accepted| accepted.job == job)
        else {
            return;
        };
        let Some(accepted) = self.accepted.remove(at) else {
            return;
        };
        self.busy.ended += accepted.runs.map_or(0, |(begin, end)| end - begin);
        let cpu_ms = arrival.cpu / MILLISECOND;
        self.costs.learn(accepted.size, cpu_ms);
        let ticket = accepted.ticket;
        let cpu_ms = Some(u32::try_from(cpu_ms).unwrap_or(u32::MAX));
        self.ticket_events
            .record(Event::Finished { ticket, cpu_ms }, now);
    }

    /// Drops all jobs. Returns those that were accepted.
    pub fn crash(&mut self) -> Vec<usize> {
        self.alive = false;
        self.slots.clear();
        self.incoming.clear();
        self.accepted
            .drain(..)
            .map(|accepted| accepted.job)
            .collect()
    }

    /// Restarts under this node id.
    pub fn restart(&mut self, node: NodeId, interval: u64, now: u64) {
        *self = Self {
            incarnation: self.incarnation + 1,
            ..Self::new(node, self.slots.millicores(), interval)
        };
        self.busy.sampled_at = now;
    }

    fn busy(&self, now: u64) -> u64 {
        let runs = self.accepted.iter().filter_map(|accepted| accepted.runs);
        let running: u64 = runs.map(|(begin, _)| now.saturating_sub(begin)).sum();
        self.busy.ended + running
    }

    /// Updates the smoothed share of busy time.
    pub fn sample(&mut self, now: u64) {
        let (busy, passed) = (self.busy(now), now - self.busy.sampled_at);
        if passed == 0 {
            return;
        }
        let most = (passed * self.slots.count() as u64) as f64;
        let share = (busy - self.busy.sampled) as f64 / most;
        let weight = 1.0 - (-(passed as f64) / SMOOTH_OVER as f64).exp();
        self.busy.share += (share - self.busy.share) * weight;
        (self.busy.sampled, self.busy.sampled_at) = (busy, now);
    }

    /// The load report of this time.
    pub fn report(&mut self, now: u64) -> Report {
        self.sequence += 1;
        let began = |accepted: &&AcceptedJob| accepted.runs.is_some_and(|(begin, _)| begin <= now);
        let running = self.accepted.iter().filter(began).count() as u32;
        let (here, incoming): (Vec<&AcceptedJob>, Vec<&AcceptedJob>) = self
            .accepted
            .iter()
            .partition(|accepted| accepted.runs.is_some());
        let (first_event, events) = self.ticket_events.recent(now);
        Report {
            version: REPORT_VERSION,
            incarnation: self.incarnation,
            sequence: self.sequence,
            quota_millicores: self.slots.millicores(),
            usable_millicores: self.slots.millicores(),
            cpu_share_permille: (self.busy.share * 1000.0).round().min(1000.0) as u16,
            slots: self.slots.count() as u32,
            running,
            queued: here.len() as u32 - running,
            backlog_cpu_ms: here
                .iter()
                .map(|accepted| self.remaining_ms(accepted, now))
                .sum(),
            incoming: incoming.len() as u32,
            incoming_cpu_ms: incoming.iter().map(|accepted| accepted.cost_ms).sum(),
            first_event,
            events,
            sample_age_ms: ((now - self.busy.sampled_at) / MILLISECOND) as u32,
            draining: false,
            full: false,
            input_room: u64::MAX,
            input_limit: u64::MAX,
        }
    }

    fn remaining_ms(&self, accepted: &AcceptedJob, now: u64) -> u64 {
        let Some((begin, _)) = accepted.runs.filter(|(begin, _)| *begin <= now) else {
            return accepted.cost_ms;
        };
        let elapsed_ms = (now - begin) / MILLISECOND;
        let slot_millicores = u64::from(self.slots.millicores()) / self.slots.count() as u64;
        let used_ms = elapsed_ms * slot_millicores / 1000;
        accepted
            .cost_ms
            .saturating_sub(used_ms)
            .max(accepted.cost_ms / MIN_REMAINING_DIVISOR)
    }
}

#[cfg(test)]
mod tests;
