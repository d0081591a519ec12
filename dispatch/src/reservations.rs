//! The jobs that this leader has placed on one worker and that no report contains yet.
//!
//! A ticket is *reserved* until its worker's report says that it was accepted; from that report on
//! it counts in the reported load. So each counts once, and the moment does not depend on a clock.
//! An accepted ticket stays here, at no cost, until it is seen finished: then its CPU time teaches
//! the cost model. A worker that rejects a valid ticket reports it as finished, and a client that
//! asks for a new placement of a job releases the first ticket.
//!
//! Lost reports do no harm: events are repeated, are numbered, and may come twice. A leader that
//! missed some forgets the accepted tickets; reserved ones are accepted later, or expire. A
//! reservation expires when a report that was made after the ticket's last moment still has not
//! mentioned it. A new incarnation knows nothing of tickets of the one before: it starts empty.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use cameo_common::ids::JobId;
use cameo_common::keys::PublicKey;

use super::Moment;
use super::report::{Event, Report};
use super::ticket_id::TicketId;

/// Most tickets that are open on one worker.
pub const MAX_OPEN: usize = 4096;

/// The open tickets of one worker.
#[derive(Debug, Default)]
pub struct Reservations {
    incarnation: u64,
    sequence: u64,
    /// Number of the first event that was not seen yet.
    next_event: u64,
    /// Placed and not yet accepted.
    reserved: HashMap<TicketId, Reservation>,
    /// Sum of their costs.
    reserved_cpu_ms: u64,
    /// Accepted and not finished: the bytes of input of each.
    accepted: HashMap<TicketId, u64>,
}

/// One job that was placed on a worker.
#[derive(Debug, Clone, Copy)]
pub struct Reservation {
    /// The device that asked.
    pub client: PublicKey,
    pub job: JobId,
    /// Bytes of input.
    pub size: u64,
    pub cost_ms: u64,
    /// No worker accepts its ticket later than this.
    pub expires: Moment,
}

/// The cost of a finished job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub size: u64,
    pub cpu_ms: u64,
}

impl Reservations {
    /// Jobs that were placed here and not yet accepted.
    #[must_use]
    pub fn reserved(&self) -> u32 {
        u32::try_from(self.reserved.len()).unwrap_or(u32::MAX)
    }

    /// CPU time of these. Milliseconds.
    #[must_use]
    pub fn reserved_cpu_ms(&self) -> u64 {
        self.reserved_cpu_ms
    }

    /// CPU time of those that one client asked for and can still use. Milliseconds.
    #[must_use]
    pub fn reserved_by(&self, client: &PublicKey, now: Moment) -> u64 {
        let reserved = self.reserved.values();
        let theirs = reserved.filter(|one| one.client == *client && now <= one.expires);
        theirs.map(|reservation| reservation.cost_ms).sum()
    }

    /// Whether the worker has as many open tickets as are allowed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.reserved.len() + self.accepted.len() >= MAX_OPEN
    }

    /// Adds a reservation on this incarnation of the worker. A ticket that is here already counts
    /// once.
    pub fn add(&mut self, incarnation: u64, ticket: TicketId, reservation: Reservation) {
        self.start_over_unless(incarnation);
        if self.accepted.contains_key(&ticket) {
            return;
        }
        if let Entry::Vacant(entry) = self.reserved.entry(ticket) {
            self.reserved_cpu_ms += reservation.cost_ms;
            entry.insert(reservation);
        }
    }

    /// Releases what a client has reserved for a job.
    pub fn release(&mut self, client: &PublicKey, job: JobId) {
        self.retain(|reservation| reservation.client != *client || reservation.job != job);
    }

    /// Follows the worker's report. Returns the costs of finished jobs; None when the report is not
    /// newer than the last one.
    pub fn follow(&mut self, report: &Report, now: Moment) -> Option<Vec<Finished>> {
        if self.incarnation == report.incarnation && report.sequence <= self.sequence {
            return None;
        }
        self.start_over_unless(report.incarnation);
        self.sequence = report.sequence;
        let finished = self.follow_events(report);
        self.retain(|reservation| now <= reservation.expires);
        Some(finished)
    }

    fn start_over_unless(&mut self, incarnation: u64) {
        if self.incarnation != incarnation {
            *self = Self {
                incarnation,
                ..Self::default()
            };
        }
    }

    fn follow_events(&mut self, report: &Report) -> Vec<Finished> {
        if report.first_event > self.next_event {
            // Any of these may have ended in the events that were missed; the reported backlog has
            // the work that is left.
            self.accepted.clear();
        }
        let mut finished = Vec::new();
        for (number, event) in (report.first_event..).zip(&report.events) {
            if number < self.next_event {
                continue;
            }
            match event {
                Event::Accepted(ticket) => self.accept(ticket),
                Event::Finished { ticket, cpu_ms } => {
                    self.accept(ticket);
                    let size = self.accepted.remove(ticket);
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

    fn accept(&mut self, ticket: &TicketId) {
        if let Some(reservation) = self.reserved.remove(ticket) {
            self.reserved_cpu_ms -= reservation.cost_ms;
            self.accepted.insert(*ticket, reservation.size);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Reservation) -> bool) {
        let reserved_cpu_ms = &mut self.reserved_cpu_ms;
        self.reserved.retain(|_, reservation| {
            let keep = keep(reservation);
            if !keep {
                *reserved_cpu_ms -= reservation.cost_ms;
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests;
