#![allow(clippy::unwrap_used)]
use super::*;
use crate::placement::{Choice, Verdict};
use crate::report::Event;
use crate::report::tests::report;

const NOW: Moment = Moment::from_secs(50);
const CLIENT: PublicKey = PublicKey([8; 32]);

fn desk(reports_every: Duration) -> Desk {
    let settings = Settings {
        stale_after: Duration::from_millis(300),
        max_wait: Duration::from_secs(1),
        policy: Policy::LeastProjected,
        reports_every,
    };
    let mut desk = Desk::new(1, 4, settings, CostModel::default());
    desk.set_members([1, 2, 3].map(member).into_iter());
    desk
}

fn member(node: NodeId) -> Member {
    Member { node, voter: true }
}

fn idle(sequence: u64) -> Report {
    Report {
        backlog_cpu_ms: 0,
        ..report(77, sequence)
    }
}

fn ask(desk: &mut Desk, exclude: &[NodeId], now: Moment) -> Decision {
    let job = Job {
        id: JobId([1; 16]),
        size: 1000,
        exclude,
    };
    desk.decide(&job, now, 7)
}

/// Books a job on node 2, and answers whether that is enough.
fn book(desk: &mut Desk, n: u8, cost_ms: u64) -> bool {
    book_at(desk, n, cost_ms, NOW)
}

fn book_at(desk: &mut Desk, n: u8, cost_ms: u64, now: Moment) -> bool {
    let placement = Placement {
        client: CLIENT,
        job: JobId([n; 16]),
        size: 1000,
        cost_ms,
        expires: now + Duration::from_secs(9),
    };
    desk.place(2, 77, TicketId([n; 16]), placement);
    desk.has_booked_enough(&CLIENT, now)
}

fn booked(decision: &Decision, node: NodeId) -> u64 {
    let candidates = &decision.question.candidates;
    candidates
        .iter()
        .find(|c| c.node == node)
        .unwrap()
        .booked_cpu_ms
}

#[test]
fn what_is_placed_is_known_to_the_next_decision() {
    let mut desk = desk(Duration::ZERO);
    desk.heard(2, idle(1), NOW);
    let placement = Placement {
        client: CLIENT,
        job: JobId([1; 16]),
        size: 1000,
        cost_ms: 40,
        expires: NOW + Duration::from_secs(9),
    };
    desk.place(2, 77, TicketId([1; 16]), placement);
    let decision = ask(&mut desk, &[], NOW);
    assert_eq!(booked(&decision, 2), 40);
    assert_eq!(decision.choice, Choice::Worker(2));
    assert_eq!(ask(&mut desk, &[2], NOW).choice, Choice::Nobody);
}

#[test]
fn one_client_books_half_of_the_longest_wait_and_leaves_the_rest() {
    // given two workers of 1.5 cores, and so 3 s of CPU time within a second
    let mut desk = desk(Duration::ZERO);
    desk.heard(2, idle(1), NOW);
    desk.heard(3, idle(1), NOW);
    // then it may book until it has more than half
    assert!(!book(&mut desk, 1, 1500));
    assert!(book(&mut desk, 2, 1));
    assert!(!desk.has_booked_enough(&PublicKey([9; 32]), NOW));
    // and again once one of its jobs is placed anew
    desk.give_back(&CLIENT, JobId([2; 16]));
    assert!(!desk.has_booked_enough(&CLIENT, NOW));
    // or taken up
    assert!(book(&mut desk, 3, 1));
    let events = vec![Event::TakenUp(TicketId([3; 16]))];
    desk.heard(2, Report { events, ..idle(2) }, NOW);
    assert!(!desk.has_booked_enough(&CLIENT, NOW));
}

#[test]
fn what_a_dead_worker_never_took_up_is_held_against_nobody_for_longer_than_its_ticket() {
    // given a client with enough booked on a worker that is heard of no more
    let mut desk = desk(Duration::ZERO);
    desk.heard(2, idle(1), NOW);
    assert!(book(&mut desk, 1, 2000));
    // when its ticket has expired
    let later = NOW + Duration::from_secs(10);
    desk.heard(3, idle(1), later);
    // then it may go on, within what is left
    assert!(!desk.has_booked_enough(&CLIENT, later));
}

#[test]
fn only_workers_that_work_are_shared_out() {
    // given a large leader and two followers, one of them silent
    let mut desk = desk(Duration::ZERO);
    desk.heard(3, idle(1), NOW);
    let now = NOW + Duration::from_secs(1);
    let large = Report {
        usable_millicores: 64_000,
        ..idle(1)
    };
    desk.heard(1, large, now);
    desk.heard(2, idle(1), now);
    // then what the one does within a second is what is shared out
    assert!(!book_at(&mut desk, 1, 750, now));
    assert!(book_at(&mut desk, 2, 1, now));
}

#[test]
fn a_worker_that_says_it_is_full_is_passed_over() {
    let mut desk = desk(Duration::ZERO);
    let full = |sequence| Report {
        full: true,
        ..idle(sequence)
    };
    desk.heard(1, idle(1), NOW);
    desk.heard(2, full(1), NOW);
    desk.heard(3, idle(1), NOW);
    assert_eq!(ask(&mut desk, &[], NOW).choice, Choice::Worker(3));
    desk.heard(3, full(2), NOW);
    assert_eq!(ask(&mut desk, &[], NOW).choice, Choice::Full);
}

#[test]
fn a_node_that_is_no_member_gets_nothing_and_is_forgotten() {
    let mut desk = desk(Duration::ZERO);
    desk.heard(9, idle(1), NOW);
    assert_eq!(ask(&mut desk, &[], NOW).question.candidates.len(), 3);
    desk.set_members([1, 2].map(member).into_iter());
    assert!(desk.reports().next().is_none());
    assert_eq!(ask(&mut desk, &[], NOW).question.candidates.len(), 2);
}

#[test]
fn old_reports_can_be_kept_on_purpose() {
    let mut desk = desk(Duration::from_secs(10));
    desk.heard(2, idle(1), NOW);
    let later = NOW + Duration::from_secs(5);
    desk.heard(2, idle(2), later);
    let decision = ask(&mut desk, &[], later);
    assert_eq!(decision.verdicts[1], Verdict::Stale);
    desk.heard(2, idle(3), NOW + Duration::from_secs(10));
    let age = desk.reports().map(|(_, _, at)| at).max().unwrap();
    assert_eq!(age, NOW + Duration::from_secs(10));
}
