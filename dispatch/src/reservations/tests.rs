#![allow(clippy::unwrap_used)]
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::report::tests::report;

const NOW: Moment = Moment::from_secs(100);
const INCARNATION: u64 = 77;
const CLIENT: PublicKey = PublicKey([8; 32]);

fn ticket(n: u8) -> TicketId {
    TicketId([n; 16])
}

fn reporting(sequence: u64, first_event: u64, events: &[Event]) -> Report {
    Report {
        first_event,
        events: events.to_vec(),
        ..report(INCARNATION, sequence)
    }
}

fn accepted(n: u8) -> Event {
    Event::Accepted(ticket(n))
}

fn finished(n: u8, cpu_ms: u32) -> Event {
    Event::Finished {
        ticket: ticket(n),
        cpu_ms: Some(cpu_ms),
    }
}

/// Of jobs of the same numbers as their tickets.
fn reserved(tickets: &[u8]) -> Reservations {
    let mut all = Reservations::default();
    for n in tickets {
        let reservation = Reservation {
            client: CLIENT,
            job: JobId([*n; 16]),
            size: 1000,
            cost_ms: 50,
            expires: NOW + Duration::from_secs(9),
        };
        all.add(INCARNATION, ticket(*n), reservation);
    }
    all
}

#[test]
fn a_ticket_is_reserved_until_it_is_accepted() {
    let mut all = reserved(&[1, 2]);
    assert_eq!(all.reserved_cpu_ms(), 100);
    all.follow(&reporting(1, 0, &[accepted(1)]), NOW);
    assert_eq!(all.reserved_cpu_ms(), 50);
}

#[test]
fn a_ticket_signed_twice_counts_once() {
    let mut all = reserved(&[1]);
    let dearer = Reservation {
        cost_ms: 60,
        ..all.reserved[&ticket(1)]
    };
    all.add(INCARNATION, ticket(1), dearer);
    assert_eq!((all.reserved(), all.reserved_cpu_ms()), (1, 50));
    all.follow(&reporting(1, 0, &[accepted(1)]), NOW);
    all.add(INCARNATION, ticket(1), dearer);
    assert_eq!((all.reserved(), all.reserved_cpu_ms()), (0, 0));
}

#[test]
fn a_finished_job_teaches_once_however_often_it_is_reporting() {
    let mut all = reserved(&[1]);
    let events = [accepted(1), finished(1, 33)];
    let learned = all.follow(&reporting(1, 0, &events), NOW).unwrap();
    let once = Finished {
        size: 1000,
        cpu_ms: 33,
    };
    assert_eq!(learned, [once]);
    let again = all.follow(&reporting(2, 0, &events), NOW).unwrap();
    assert_eq!(again, []);
}

#[test]
fn reports_out_of_order_are_no_news() {
    let mut all = reserved(&[1]);
    assert!(all.follow(&reporting(5, 0, &[]), NOW).is_some());
    assert!(all.follow(&reporting(5, 0, &[accepted(1)]), NOW).is_none());
    assert!(all.follow(&reporting(4, 0, &[accepted(1)]), NOW).is_none());
    assert_eq!(all.reserved_cpu_ms(), 50);
}

#[test]
fn a_new_incarnation_starts_empty() {
    let mut all = reserved(&[1, 2]);
    let restarted = report(INCARNATION + 1, 1);
    assert!(all.follow(&restarted, NOW).is_some());
    assert_eq!(all.reserved_cpu_ms(), 0);
}

#[test]
fn a_reservation_expires_with_a_report_and_not_before() {
    let mut all = reserved(&[1]);
    let last = NOW + Duration::from_secs(9);
    all.follow(&reporting(1, 0, &[]), last);
    assert_eq!(all.reserved_cpu_ms(), 50);
    all.follow(&reporting(2, 0, &[]), last + Duration::from_millis(1));
    assert_eq!(all.reserved_cpu_ms(), 0);
}

#[test]
fn a_rejected_ticket_is_released_and_teaches_nothing() {
    let mut all = reserved(&[1, 2]);
    let rejected = Event::Finished {
        ticket: ticket(1),
        cpu_ms: None,
    };
    assert_eq!(all.follow(&reporting(1, 0, &[rejected]), NOW).unwrap(), []);
    assert_eq!((all.reserved(), all.reserved_cpu_ms()), (1, 50));
}

#[test]
fn a_job_that_is_placed_again_releases_its_first_ticket() {
    let mut all = reserved(&[1, 2, 3]);
    all.follow(&reporting(1, 0, &[accepted(3)]), NOW);
    all.release(&CLIENT, JobId([1; 16]));
    all.release(&PublicKey([9; 32]), JobId([2; 16]));
    // An accepted one is work, also when its client wants it no more.
    all.release(&CLIENT, JobId([3; 16]));
    assert_eq!((all.reserved(), all.reserved_by(&CLIENT, NOW)), (1, 50));
    assert_eq!(all.reserved_by(&PublicKey([9; 32]), NOW), 0);
    // The released ticket was used after all: it is in the report, and not reserved.
    all.follow(&reporting(2, 1, &[accepted(1), finished(1, 5)]), NOW);
    assert_eq!(all.reserved_cpu_ms(), 50);
    assert_eq!(all.accepted.len(), 1);
}

#[test]
fn missed_events_leave_nothing_open_for_good() {
    let mut all = reserved(&[1, 2]);
    all.follow(&reporting(1, 0, &[accepted(1)]), NOW);
    // Events 1 to 9 were lost; ticket 2 was accepted and finished among them.
    all.follow(&reporting(2, 10, &[]), NOW);
    assert_eq!(all.reserved_cpu_ms(), 50);
    let late = NOW + Duration::from_secs(10);
    all.follow(&reporting(3, 10, &[]), late);
    assert!(all.reserved.is_empty() && all.accepted.is_empty());
}

proptest! {
    /// Whichever replies are lost: once one arrives with all events, the reservations are as they
    /// would be without loss.
    #[test]
    fn lost_replies_do_no_harm(
        fates in prop::collection::vec(0..3u8, 1..40),
        arrives in prop::collection::vec(any::<bool>(), 40),
    ) {
        let tickets: Vec<u8> = (0..fates.len() as u8).collect();
        let mut all = reserved(&tickets);
        let (mut events, mut sequence) = (Vec::new(), 0);
        let mut learned = 0;
        for (n, fate) in fates.iter().enumerate() {
            if *fate >= 1 { events.push(accepted(n as u8)); }
            if *fate == 2 { events.push(finished(n as u8, 10)); }
            sequence += 1;
            if arrives[n] {
                learned += all.follow(&reporting(sequence, 0, &events), NOW).unwrap().len();
            }
        }
        learned += all.follow(&reporting(sequence + 1, 0, &events), NOW).unwrap().len();
        let count = |fate: u8| fates.iter().filter(|f| **f == fate).count();
        prop_assert_eq!(all.reserved_cpu_ms(), 50 * count(0) as u64);
        prop_assert_eq!(learned, count(2));
        prop_assert_eq!((all.reserved.len(), all.accepted.len()), (count(0), count(1)));
    }
}
