//! The placement book: what this leader has placed, and what became of it.
//!
//! A ticket counts in the book until its worker's report says that it was taken up; from that report on it
//! counts in what is reported. So each counts once, and neither by time. A taken ticket stays in the
//! book, at no cost, until it is seen finished: then its CPU time teaches the cost model. A worker that refuses
//! a good ticket says that it has ended, and a client that has its job placed again gives the first ticket back.
//!
//! Lost reports do no harm: events are repeated, are numbered, and may come twice. A leader that missed some
//! forgets what it believed taken; what it believed placed is taken up, or expires. An entry expires when a
//! report, made after no worker could take the ticket any more, still has not told of it. A new incarnation
//! knows nothing of what was placed on the one before: its node starts empty.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use cameo_common::ids::JobId;
use cameo_common::keys::PublicKey;

use super::Moment;
use super::report::{Event, Report};
use super::ticket_id::TicketId;

/// Most tickets that are open on one worker.
pub const MAX_OPEN: usize = 4096;

/// One worker's page of the book.
#[derive(Debug, Default)]
pub struct Page {
    incarnation: u64,
    sequence: u64,
    /// Number of the first event that was not seen yet.
    next_event: u64,
    /// Placed and not yet taken up.
    booked: HashMap<TicketId, Placement>,
    /// Sum of their costs.
    booked_cpu_ms: u64,
    /// Taken up and not finished: the bytes of input of each.
    taken: HashMap<TicketId, u64>,
}

/// One job on its way to a worker.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// The device that asked.
    pub client: PublicKey,
    pub job: JobId,
    /// Bytes of input.
    pub size: u64,
    pub cost_ms: u64,
    /// From here on no worker takes its ticket.
    pub expires: Moment,
}

/// What a finished job took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub size: u64,
    pub cpu_ms: u64,
}

impl Page {
    /// Jobs that were placed here and not yet taken up.
    #[must_use]
    pub fn booked(&self) -> u32 {
        u32::try_from(self.booked.len()).unwrap_or(u32::MAX)
    }

    /// CPU time of these. Milliseconds.
    #[must_use]
    pub fn booked_cpu_ms(&self) -> u64 {
        self.booked_cpu_ms
    }

    /// CPU time of those that one client asked for and can still use. Milliseconds.
    #[must_use]
    pub fn booked_by(&self, client: &PublicKey, now: Moment) -> u64 {
        let booked = self.booked.values();
        let theirs = booked.filter(|one| one.client == *client && now <= one.expires);
        theirs.map(|placement| placement.cost_ms).sum()
    }

    /// Whether the worker has as many open tickets as it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.booked.len() + self.taken.len() >= MAX_OPEN
    }

    /// Writes down a placement on this incarnation of the worker. A ticket that is there already counts once.
    pub fn place(&mut self, incarnation: u64, ticket: TicketId, placement: Placement) {
        self.turn_to(incarnation);
        if self.taken.contains_key(&ticket) {
            return;
        }
        if let Entry::Vacant(entry) = self.booked.entry(ticket) {
            self.booked_cpu_ms += placement.cost_ms;
            entry.insert(placement);
        }
    }

    /// A client has its job placed anew: it will not use what was signed for it before.
    pub fn give_back(&mut self, client: &PublicKey, job: JobId) {
        self.keep(|placement| placement.client != *client || placement.job != job);
    }

    /// Takes the worker's report. Answers what its finished jobs took; nothing when the report is no news.
    pub fn heard(&mut self, report: &Report, now: Moment) -> Option<Vec<Finished>> {
        if self.incarnation == report.incarnation && report.sequence <= self.sequence {
            return None;
        }
        self.turn_to(report.incarnation);
        self.sequence = report.sequence;
        let finished = self.follow(report);
        self.keep(|placement| now <= placement.expires);
        Some(finished)
    }

    fn turn_to(&mut self, incarnation: u64) {
        if self.incarnation != incarnation {
            *self = Self {
                incarnation,
                ..Self::default()
            };
        }
    }

    fn follow(&mut self, report: &Report) -> Vec<Finished> {
        if report.first_event > self.next_event {
            // What was missed may have ended any of these; the reported backlog has what is left.
            self.taken.clear();
        }
        let mut finished = Vec::new();
        for (number, event) in (report.first_event..).zip(&report.events) {
            if number < self.next_event {
                continue;
            }
            match event {
                Event::TakenUp(ticket) => self.take_up(ticket),
                Event::Finished { ticket, cpu_ms } => {
                    self.take_up(ticket);
                    let size = self.taken.remove(ticket);
                    if let (Some(size), Some(cpu_ms)) = (size, *cpu_ms) {
                        let cpu_ms = u64::from(cpu_ms);
                        finished.push(Finished { size, cpu_ms });
                    }
                }
            }
        }
        let told = report
            .first_event
            .saturating_add(report.events.len() as u64);
        self.next_event = self.next_event.max(told);
        finished
    }

    fn take_up(&mut self, ticket: &TicketId) {
        if let Some(placement) = self.booked.remove(ticket) {
            self.booked_cpu_ms -= placement.cost_ms;
            self.taken.insert(*ticket, placement.size);
        }
    }

    /// Strikes the booked ones that are not to be kept.
    fn keep(&mut self, keep: impl Fn(&Placement) -> bool) {
        let booked_cpu_ms = &mut self.booked_cpu_ms;
        self.booked.retain(|_, placement| {
            let keep = keep(placement);
            if !keep {
                *booked_cpu_ms -= placement.cost_ms;
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests;
