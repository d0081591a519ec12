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

fn told(sequence: u64, first_event: u64, events: &[Event]) -> Report {
    Report {
        first_event,
        events: events.to_vec(),
        ..report(INCARNATION, sequence)
    }
}

fn taken(n: u8) -> Event {
    Event::TakenUp(ticket(n))
}

fn finished(n: u8, cpu_ms: u32) -> Event {
    Event::Finished {
        ticket: ticket(n),
        cpu_ms: Some(cpu_ms),
    }
}

/// Of jobs of the same numbers as their tickets.
fn booked(tickets: &[u8]) -> Page {
    let mut book = Page::default();
    for n in tickets {
        let placement = Placement {
            client: CLIENT,
            job: JobId([*n; 16]),
            size: 1000,
            cost_ms: 50,
            expires: NOW + Duration::from_secs(9),
        };
        book.place(INCARNATION, ticket(*n), placement);
    }
    book
}

#[test]
fn a_ticket_counts_in_the_book_until_it_is_taken_up() {
    let mut book = booked(&[1, 2]);
    assert_eq!(book.booked_cpu_ms(), 100);
    book.heard(&told(1, 0, &[taken(1)]), NOW);
    assert_eq!(book.booked_cpu_ms(), 50);
}

#[test]
fn a_ticket_signed_twice_counts_once() {
    let mut book = booked(&[1]);
    let dearer = Placement {
        cost_ms: 60,
        ..book.booked[&ticket(1)]
    };
    book.place(INCARNATION, ticket(1), dearer);
    assert_eq!((book.booked(), book.booked_cpu_ms()), (1, 50));
    book.heard(&told(1, 0, &[taken(1)]), NOW);
    book.place(INCARNATION, ticket(1), dearer);
    assert_eq!((book.booked(), book.booked_cpu_ms()), (0, 0));
}

#[test]
fn a_finished_job_teaches_once_however_often_it_is_told() {
    let mut book = booked(&[1]);
    let events = [taken(1), finished(1, 33)];
    let learned = book.heard(&told(1, 0, &events), NOW).unwrap();
    let once = Finished {
        size: 1000,
        cpu_ms: 33,
    };
    assert_eq!(learned, [once]);
    let again = book.heard(&told(2, 0, &events), NOW).unwrap();
    assert_eq!(again, []);
}

#[test]
fn reports_out_of_order_are_no_news() {
    let mut book = booked(&[1]);
    assert!(book.heard(&told(5, 0, &[]), NOW).is_some());
    assert!(book.heard(&told(5, 0, &[taken(1)]), NOW).is_none());
    assert!(book.heard(&told(4, 0, &[taken(1)]), NOW).is_none());
    assert_eq!(book.booked_cpu_ms(), 50);
}

#[test]
fn a_new_incarnation_starts_empty() {
    let mut book = booked(&[1, 2]);
    let restarted = report(INCARNATION + 1, 1);
    assert!(book.heard(&restarted, NOW).is_some());
    assert_eq!(book.booked_cpu_ms(), 0);
}

#[test]
fn what_was_never_taken_up_expires_with_a_report_and_not_before() {
    let mut book = booked(&[1]);
    let last = NOW + Duration::from_secs(9);
    book.heard(&told(1, 0, &[]), last);
    assert_eq!(book.booked_cpu_ms(), 50);
    book.heard(&told(2, 0, &[]), last + Duration::from_millis(1));
    assert_eq!(book.booked_cpu_ms(), 0);
}

#[test]
fn a_ticket_that_its_worker_refused_is_struck_and_teaches_nothing() {
    let mut book = booked(&[1, 2]);
    let refused = Event::Finished {
        ticket: ticket(1),
        cpu_ms: None,
    };
    assert_eq!(book.heard(&told(1, 0, &[refused]), NOW).unwrap(), []);
    assert_eq!((book.booked(), book.booked_cpu_ms()), (1, 50));
}

#[test]
fn a_job_that_is_placed_again_gives_its_first_ticket_back() {
    let mut book = booked(&[1, 2, 3]);
    book.heard(&told(1, 0, &[taken(3)]), NOW);
    book.give_back(&CLIENT, JobId([1; 16]));
    book.give_back(&PublicKey([9; 32]), JobId([2; 16]));
    // One that was taken up is work, whoever wants it.
    book.give_back(&CLIENT, JobId([3; 16]));
    assert_eq!((book.booked(), book.booked_by(&CLIENT, NOW)), (1, 50));
    assert_eq!(book.booked_by(&PublicKey([9; 32]), NOW), 0);
    // It was used after all: it is in the report, and in the book no more.
    book.heard(&told(2, 1, &[taken(1), finished(1, 5)]), NOW);
    assert_eq!(book.booked_cpu_ms(), 50);
    assert_eq!(book.taken.len(), 1);
}

#[test]
fn missed_events_leave_nothing_open_for_good() {
    let mut book = booked(&[1, 2]);
    book.heard(&told(1, 0, &[taken(1)]), NOW);
    // Events 1 to 9 were lost; ticket 2 was taken up and finished among them.
    book.heard(&told(2, 10, &[]), NOW);
    assert_eq!(book.booked_cpu_ms(), 50);
    let late = NOW + Duration::from_secs(10);
    book.heard(&told(3, 10, &[]), late);
    assert!(book.booked.is_empty() && book.taken.is_empty());
}

proptest! {
    /// Whatever replies are lost: once one arrives with all events, the book is what really happened.
    #[test]
    fn lost_replies_do_no_harm(
        fates in prop::collection::vec(0..3u8, 1..40),
        arrives in prop::collection::vec(any::<bool>(), 40),
    ) {
        let tickets: Vec<u8> = (0..fates.len() as u8).collect();
        let mut book = booked(&tickets);
        let (mut events, mut sequence) = (Vec::new(), 0);
        let mut learned = 0;
        for (n, fate) in fates.iter().enumerate() {
            if *fate >= 1 { events.push(taken(n as u8)); }
            if *fate == 2 { events.push(finished(n as u8, 10)); }
            sequence += 1;
            if arrives[n] {
                learned += book.heard(&told(sequence, 0, &events), NOW).unwrap().len();
            }
        }
        learned += book.heard(&told(sequence + 1, 0, &events), NOW).unwrap().len();
        let count = |fate: u8| fates.iter().filter(|f| **f == fate).count();
        prop_assert_eq!(book.booked_cpu_ms(), 50 * count(0) as u64);
        prop_assert_eq!(learned, count(2));
        prop_assert_eq!((book.booked.len(), book.taken.len()), (count(0), count(1)));
    }
}
