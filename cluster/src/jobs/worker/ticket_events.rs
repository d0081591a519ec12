//! Recent events of tickets, numbered, repeated in the load reports.
//!
//! Heartbeats carry no acknowledgement to the worker. So each event is repeated for the length of
//! many heartbeats, and its number lets a leader detect events that it missed.

use std::collections::VecDeque;
use std::time::Duration;

use cameo_dispatch::{Event, TicketId};
use tokio::time::Instant;

/// How long an event is repeated.
pub const REPEAT_FOR: Duration = Duration::from_secs(2);
/// Most events that are kept. When older ones are dropped, the leader sees that from the numbers.
pub const MAX_EVENTS: usize = 512;

#[derive(Debug, Default)]
pub struct TicketEvents {
    events: VecDeque<(Instant, Event)>,
    /// Number of the oldest one kept.
    first: u64,
}

impl TicketEvents {
    /// Appends an event.
    pub fn record(&mut self, event: Event, now: Instant) {
        self.events.push_back((now, event));
        while self.events.len() > MAX_EVENTS {
            self.drop_oldest();
        }
    }

    /// Records once that a ticket was refused, however often it is tried. Skipped while the log is
    /// half full: a refusal only ends a reservation early.
    pub fn record_refusal(&mut self, ticket: TicketId, now: Instant) {
        let cpu_ms = None;
        let event = Event::Finished { ticket, cpu_ms };
        let is_known = || self.events.iter().any(|(_, known)| *known == event);
        if self.events.len() < MAX_EVENTS / 2 && !is_known() {
            self.record(event, now);
        }
    }

    /// The events that are still repeated, and the number of the first.
    pub fn recent(&mut self, now: Instant) -> (u64, Vec<Event>) {
        while let Some((at, _)) = self.events.front()
            && now.saturating_duration_since(*at) > REPEAT_FOR
        {
            self.drop_oldest();
        }
        let events = self.events.iter().map(|(_, event)| *event).collect();
        (self.first, events)
    }

    fn drop_oldest(&mut self) {
        self.events.pop_front();
        self.first += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(n: u8) -> Event {
        Event::Accepted(TicketId([n; 16]))
    }

    #[test]
    fn events_repeat_for_a_while_and_keep_their_numbers() {
        let start = Instant::now();
        let mut ticket_events = TicketEvents::default();
        ticket_events.record(taken(1), start);
        ticket_events.record(taken(2), start + REPEAT_FOR);
        assert_eq!(
            ticket_events.recent(start + REPEAT_FOR),
            (0, vec![taken(1), taken(2)])
        );
        let later = start + REPEAT_FOR + Duration::from_millis(1);
        assert_eq!(ticket_events.recent(later), (1, vec![taken(2)]));
        assert_eq!(ticket_events.recent(later + REPEAT_FOR), (2, vec![]));
    }

    #[test]
    fn a_refused_ticket_is_recorded_once_while_it_is_repeated() {
        let start = Instant::now();
        let mut ticket_events = TicketEvents::default();
        for _ in 0..9 {
            ticket_events.record_refusal(TicketId([1; 16]), start);
        }
        ticket_events.record_refusal(TicketId([2; 16]), start);
        assert_eq!(ticket_events.recent(start).1.len(), 2);
        let later = start + REPEAT_FOR + Duration::from_millis(1);
        assert_eq!(ticket_events.recent(later).1, []);
        ticket_events.record_refusal(TicketId([1; 16]), later);
        assert_eq!(ticket_events.recent(later).1.len(), 1);
    }

    #[test]
    fn refusals_do_not_displace_other_events() {
        let start = Instant::now();
        let mut ticket_events = TicketEvents::default();
        ticket_events.record(taken(1), start);
        for n in 0..2 * MAX_EVENTS {
            let mut ticket = [0; 16];
            ticket[..8].copy_from_slice(&(n as u64).to_le_bytes());
            ticket_events.record_refusal(TicketId(ticket), start);
        }
        let (first, events) = ticket_events.recent(start);
        assert_eq!((first, events[0]), (0, taken(1)));
        assert_eq!(events.len(), MAX_EVENTS / 2);
    }

    #[test]
    fn a_full_log_drops_the_oldest_event_and_still_fits_into_a_report() {
        use crate::jobs::tests::report;
        use cameo_dispatch::MAX_REPORT;
        let start = Instant::now();
        let mut ticket_events = TicketEvents::default();
        for n in 0..=MAX_EVENTS {
            let ticket = TicketId([n as u8; 16]);
            let cpu_ms = Some(u32::MAX);
            ticket_events.record(Event::Finished { ticket, cpu_ms }, start);
        }
        let (first, events) = ticket_events.recent(start);
        assert_eq!((first, events.len()), (1, MAX_EVENTS));
        let mut report = report(u64::MAX, u64::MAX);
        report.events = events;
        assert!(report.encode().len() <= MAX_REPORT);
    }
}
