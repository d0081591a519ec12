#![allow(clippy::unwrap_used)]
use super::*;
use crate::placement::{Choice, Verdict};
use crate::report::Event;
use crate::report::tests::report;

const NOW: Moment = Moment::from_secs(50);
const CLIENT: PublicKey = PublicKey([8; 32]);

fn scheduler(reports_every: Duration) -> Scheduler {
    let settings = Settings {
        reports_every,
        ..Settings::new(Duration::from_millis(300), Duration::from_secs(1))
    };
    let mut scheduler = Scheduler::new(NodeId(1), 4, settings, CostModel::default());
    scheduler.set_members([1, 2, 3].map(member).into_iter());
    scheduler
}

fn member(node: u64) -> Member {
    Member {
        node: NodeId(node),
        voter: true,
    }
}

fn idle(sequence: u64) -> Report {
    Report {
        backlog_cpu_ms: 0,
        ..report(77, sequence)
    }
}

fn decide(scheduler: &mut Scheduler, exclude: &[NodeId], now: Moment) -> Decision {
    let job = Job {
        id: JobId([1; 16]),
        size: 1000,
        exclude,
    };
    scheduler.decide(&job, now, 7)
}

fn reservation(n: u8, cost_ms: u64, now: Moment) -> Reservation {
    Reservation {
        client: CLIENT,
        job: JobId([n; 16]),
        size: 1000,
        cost_ms,
        expires: now + Duration::from_secs(9),
    }
}

/// Reserves a job on node 2. Returns whether the client is over its quota then.
fn reserve(scheduler: &mut Scheduler, n: u8, cost_ms: u64) -> bool {
    reserve_at(scheduler, n, cost_ms, NOW)
}

fn reserve_at(scheduler: &mut Scheduler, n: u8, cost_ms: u64, now: Moment) -> bool {
    scheduler.reserve(
        NodeId(2),
        77,
        TicketId([n; 16]),
        reservation(n, cost_ms, now),
    );
    scheduler.is_over_quota(&CLIENT, now)
}

fn reserved(decision: &Decision, node: NodeId) -> u64 {
    let candidates = &decision.input.candidates;
    candidates
        .iter()
        .find(|c| c.node == node)
        .unwrap()
        .reserved_cpu_ms
}

#[test]
fn a_reservation_is_part_of_the_next_decision() {
    let mut scheduler = scheduler(Duration::ZERO);
    scheduler.follow(NodeId(2), idle(1), NOW);
    scheduler.reserve(NodeId(2), 77, TicketId([1; 16]), reservation(1, 40, NOW));
    let decision = decide(&mut scheduler, &[], NOW);
    assert_eq!(reserved(&decision, NodeId(2)), 40);
    assert_eq!(decision.choice, Choice::Worker(NodeId(2)));
    assert_eq!(
        decide(&mut scheduler, &[NodeId(2)], NOW).choice,
        Choice::Nobody
    );
}

#[test]
fn one_client_reserves_half_of_the_longest_delay_and_leaves_the_rest() {
    // given two workers of 1.5 cores, and so 3 s of CPU time within a second
    let mut scheduler = scheduler(Duration::ZERO);
    scheduler.follow(NodeId(2), idle(1), NOW);
    scheduler.follow(NodeId(3), idle(1), NOW);
    // then a client is over its quota when it has more than half
    assert!(!reserve(&mut scheduler, 1, 1500));
    assert!(reserve(&mut scheduler, 2, 1));
    assert!(!scheduler.is_over_quota(&PublicKey([9; 32]), NOW));
    // and no longer once one of its jobs is released
    scheduler.release(&CLIENT, JobId([2; 16]));
    assert!(!scheduler.is_over_quota(&CLIENT, NOW));
    // or accepted
    assert!(reserve(&mut scheduler, 3, 1));
    let events = vec![Event::Accepted(TicketId([3; 16]))];
    scheduler.follow(NodeId(2), Report { events, ..idle(2) }, NOW);
    assert!(!scheduler.is_over_quota(&CLIENT, NOW));
}

#[test]
fn reservations_on_a_dead_worker_count_in_a_quota_until_their_tickets_expire() {
    // given a client over its quota on a worker that reports no more
    let mut scheduler = scheduler(Duration::ZERO);
    scheduler.follow(NodeId(2), idle(1), NOW);
    assert!(reserve(&mut scheduler, 1, 2000));
    // when the ticket has expired
    let later = NOW + Duration::from_secs(10);
    scheduler.follow(NodeId(3), idle(1), later);
    // then the client may go on
    assert!(!scheduler.is_over_quota(&CLIENT, later));
}

#[test]
fn quotas_are_parts_of_the_workers_that_work() {
    // given a large leader and two followers, one of them silent
    let mut scheduler = scheduler(Duration::ZERO);
    scheduler.follow(NodeId(3), idle(1), NOW);
    let now = NOW + Duration::from_secs(1);
    let large = Report {
        usable_millicores: 64_000,
        ..idle(1)
    };
    scheduler.follow(NodeId(1), large, now);
    scheduler.follow(NodeId(2), idle(1), now);
    // then quotas are parts of what the one follower does within a second
    assert!(!reserve_at(&mut scheduler, 1, 750, now));
    assert!(reserve_at(&mut scheduler, 2, 1, now));
}

#[test]
fn a_worker_that_reports_full_gets_nothing() {
    let mut scheduler = scheduler(Duration::ZERO);
    let full = |sequence| Report {
        full: true,
        ..idle(sequence)
    };
    scheduler.follow(NodeId(1), idle(1), NOW);
    scheduler.follow(NodeId(2), full(1), NOW);
    scheduler.follow(NodeId(3), idle(1), NOW);
    assert_eq!(
        decide(&mut scheduler, &[], NOW).choice,
        Choice::Worker(NodeId(3))
    );
    scheduler.follow(NodeId(3), full(2), NOW);
    assert_eq!(decide(&mut scheduler, &[], NOW).choice, Choice::Full);
}

#[test]
fn a_node_that_is_no_member_gets_nothing_and_is_dropped() {
    let mut scheduler = scheduler(Duration::ZERO);
    scheduler.follow(NodeId(9), idle(1), NOW);
    let candidates = decide(&mut scheduler, &[], NOW).input.candidates;
    assert_eq!(candidates.len(), 3);
    scheduler.set_members([1, 2].map(member).into_iter());
    assert!(scheduler.reports().next().is_none());
    let candidates = decide(&mut scheduler, &[], NOW).input.candidates;
    assert_eq!(candidates.len(), 2);
}

#[test]
fn old_reports_can_be_kept_on_purpose() {
    let mut scheduler = scheduler(Duration::from_secs(10));
    scheduler.follow(NodeId(2), idle(1), NOW);
    let later = NOW + Duration::from_secs(5);
    scheduler.follow(NodeId(2), idle(2), later);
    let decision = decide(&mut scheduler, &[], later);
    assert_eq!(decision.verdicts[1], Verdict::Stale);
    scheduler.follow(NodeId(2), idle(3), NOW + Duration::from_secs(10));
    let age = scheduler.reports().map(|(_, _, at)| at).max().unwrap();
    assert_eq!(age, NOW + Duration::from_secs(10));
}
