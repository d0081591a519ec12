//! Ticket events that a simulated worker repeats in its reports, on simulated time.
//!
//! A node repeats events for two seconds and at most 512 of them, enough for its heartbeats.
//! Reports every ten seconds need more, and get it: the benchmark measures the cost of old load
//! reports, not of lost events.

use std::collections::VecDeque;

use cameo_dispatch::Event;

use super::SECOND;

const REPEAT_FOR: u64 = 2 * SECOND;

#[derive(Debug)]
pub struct TicketEvents {
    events: VecDeque<(u64, Event)>,
    first: u64,
    repeat_for: u64,
}

impl TicketEvents {
    pub fn new(interval: u64) -> Self {
        Self {
            events: VecDeque::new(),
            first: 0,
            repeat_for: REPEAT_FOR.max(2 * interval),
        }
    }

    pub fn record(&mut self, event: Event, now: u64) {
        self.events.push_back((now, event));
    }

    /// Number of the first event that is still repeated, and all such events.
    pub fn recent(&mut self, now: u64) -> (u64, Vec<Event>) {
        while let Some((at, _)) = self.events.front()
            && now - at > self.repeat_for
        {
            self.events.pop_front();
            self.first += 1;
        }
        let events = self.events.iter().map(|(_, event)| *event).collect();
        (self.first, events)
    }
}
