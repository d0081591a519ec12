//! The placement book: what this leader has placed, and what became of it.
//!
//! A ticket counts in the book until its worker's report says that it was taken up; from that report on it
//! counts in the reported backlog. So each counts once, and neither by time. A taken ticket stays in the
//! book, at no cost, until it is seen finished: then its CPU time teaches the cost model.
//!
//! Lost reports do no harm: events are repeated, are numbered, and may come twice. A leader that missed some
//! forgets what it believed taken; what it believed placed is taken up, or expires. An entry expires when a
//! report, made after no worker could take the ticket any more, still has not told of it. A new incarnation
//! knows nothing of what was placed on the one before: its node starts empty.

use std::collections::HashMap;

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
    open: HashMap<TicketId, (Placement, Phase)>,
    /// Sum of the costs of what was placed and not yet taken up.
    booked_cpu_ms: u64,
}

/// One job on its way to a worker.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Bytes of input.
    pub size: u64,
    pub cost_ms: u64,
    /// From here on no worker takes its ticket.
    pub expires: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Placed,
    TakenUp,
}

/// What a finished job took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub size: u64,
    pub cpu_ms: u64,
}

impl Page {
    /// CPU time of what was placed here and not yet taken up. Milliseconds.
    #[must_use]
    pub fn booked_cpu_ms(&self) -> u64 {
        self.booked_cpu_ms
    }

    /// Whether the worker has as many open tickets as it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.open.len() >= MAX_OPEN
    }

    /// Writes down a placement on this incarnation of the worker. A ticket that is there already counts once.
    pub fn place(&mut self, incarnation: u64, ticket: TicketId, placement: Placement) {
        self.turn_to(incarnation);
        self.open.entry(ticket).or_insert_with(|| {
            self.booked_cpu_ms += placement.cost_ms;
            (placement, Phase::Placed)
        });
    }

    /// Takes the worker's report. Answers what its finished jobs took; nothing when the report is no news.
    pub fn heard(&mut self, report: &Report, now: Moment) -> Option<Vec<Finished>> {
        if self.incarnation == report.incarnation && report.sequence <= self.sequence {
            return None;
        }
        self.turn_to(report.incarnation);
        self.sequence = report.sequence;
        if report.first_event > self.next_event {
            self.forget_taken();
        }
        let finished = self.follow(report);
        self.expire(now);
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

    /// Events that were missed may have ended any of these; the reported backlog has what is left.
    fn forget_taken(&mut self) {
        self.open.retain(|_, (_, phase)| *phase == Phase::Placed);
    }

    fn follow(&mut self, report: &Report) -> Vec<Finished> {
        let mut finished = Vec::new();
        for (number, event) in (report.first_event..).zip(&report.events) {
            if number < self.next_event {
                continue;
            }
            match event {
                Event::TakenUp(ticket) => self.take_up(ticket),
                Event::Finished { ticket, cpu_ms } => {
                    self.take_up(ticket);
                    if let Some((placement, _)) = self.open.remove(ticket)
                        && let Some(cpu_ms) = cpu_ms
                    {
                        finished.push(Finished {
                            size: placement.size,
                            cpu_ms: u64::from(*cpu_ms),
                        });
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
        if let Some((placement, phase)) = self.open.get_mut(ticket)
            && *phase == Phase::Placed
        {
            *phase = Phase::TakenUp;
            self.booked_cpu_ms -= placement.cost_ms;
        }
    }

    fn expire(&mut self, now: Moment) {
        let booked_cpu_ms = &mut self.booked_cpu_ms;
        self.open.retain(|_, (placement, phase)| {
            let expired = *phase == Phase::Placed && now > placement.expires;
            if expired {
                *booked_cpu_ms -= placement.cost_ms;
            }
            !expired
        });
    }
}

#[cfg(test)]
mod tests;
