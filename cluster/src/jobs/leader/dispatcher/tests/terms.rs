//! Terms, the reservations of a term, and the log of decisions.

use cameo_dispatch::Event;

use super::*;

#[test]
fn only_the_leader_of_the_term_places() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.dispatcher.set_term(None);
    assert_eq!(leader.place(&job(1)), Err(PlaceError::NotLeader));
    leader.dispatcher.set_term(Some(TERM + 1));
    assert_eq!(leader.place(&job(1)), Err(PlaceError::NotLeader));
}

#[test]
fn a_new_term_starts_without_reservations_and_reports() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.place(&job(1)).unwrap();
    assert!(leader.reserved(2) > 0);
    leader.dispatcher.set_term(Some(TERM + 1));
    leader.dispatcher.set_term(Some(TERM));
    leader.now = Instant::now() + MIN_STALE_AFTER;
    assert_eq!(leader.reserved(2), 0);
    assert_eq!(leader.place(&job(2)).unwrap().worker, LEADER);
}

#[test]
fn setting_the_same_term_again_keeps_the_reservations() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.place(&job(1)).unwrap();
    leader.dispatcher.set_term(Some(TERM));
    assert!(leader.reserved(2) > 0);
}

#[test]
fn a_finished_job_releases_its_reservation_and_teaches_the_cost_model() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    let ticket = TicketId::of(&leader.place(&job(1)).unwrap().ticket);
    leader.place(&job(2)).unwrap();
    let before = leader.decided().input.cost_ms;
    let cpu_ms = Some(9000);
    leader.receive(2, |report| {
        report.events = vec![Event::Accepted(ticket), Event::Finished { ticket, cpu_ms }];
    });
    assert_eq!(leader.reserved(2), before, "the second is still reserved");
    leader.place(&job(3)).unwrap();
    assert!(leader.decided().input.cost_ms > before);
}

#[test]
fn limits_are_refused_before_anything_is_placed() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    let mut large = job(1);
    large.size = MAX_INPUT as u64 + 1;
    assert_eq!(leader.place(&large), Err(PlaceError::TooLarge));
    let mut choosy = job(1);
    choosy.exclude = vec![NodeId(9); MAX_EXCLUDED + 1];
    let refused = PlaceError::TooManyExcluded(MAX_EXCLUDED);
    assert_eq!(leader.place(&choosy), Err(refused));
    assert!(leader.decisions.lock().is_empty());
}

#[test]
fn unreadable_reports_change_nothing() {
    let mut leader = leading();
    leader.now += MIN_STALE_AFTER;
    leader
        .dispatcher
        .record_report(NodeId(2), b"\x09nonsense", leader.now);
    assert_eq!(leader.place(&job(1)).unwrap().worker, LEADER);
    leader.receive(2, |_| {});
    assert_eq!(leader.place(&job(2)).unwrap().worker, NodeId(2));
}

#[test]
fn every_decision_is_logged_and_replays() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.receive(3, |report| report.backlog_cpu_ms = 50);
    for n in 0..10 {
        leader.place(&job(n)).unwrap();
    }
    let decisions = leader.decisions.lock();
    assert_eq!(decisions.len(), 10);
    assert!(decisions.iter().all(Decision::replays));
}

#[test]
fn loads_contain_the_age_of_the_report() {
    let mut leader = leading();
    leader.receive(2, |report| report.cpu_share_permille = 250);
    let later = leader.now + Duration::from_millis(40);
    let loads = leader.dispatcher.loads(later);
    assert_eq!(
        loads.keys().copied().collect::<Vec<_>>(),
        [1, 2].map(NodeId)
    );
    let load = &loads[&NodeId(2)];
    assert_eq!((load.cpu_share, load.age_ms), (0.25, 40));
    leader.dispatcher.set_term(None);
    assert!(leader.dispatcher.loads(later).is_empty());
}

#[test]
fn a_removed_member_disappears_from_the_loads() {
    let mut leader = leading();
    for node in [2, 3, 4, 5] {
        leader.receive(node, |_| {});
    }
    leader.place(&job(1)).unwrap();
    let loads = leader.dispatcher.loads(leader.now);
    assert_eq!(
        loads.keys().copied().collect::<Vec<_>>(),
        [1, 2, 3].map(NodeId)
    );
}
