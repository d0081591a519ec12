//! The counts of a check.

use super::*;

#[test]
fn a_good_log_is_counted() {
    // given a job for each kind of choice, in two terms, and decisions that are counted as dropped
    let full = vec![worker(LEADER, 0), worker(NodeId(2), 9_000)];
    let mut lines = vec![
        logged(4, 0, three()),
        logged(4, 1, full),
        logged(4, 2, vec![]),
        logged(5, 1, vec![worker(LEADER, 0)]),
        logged(5, 5, three()),
    ];
    (lines[3].dropped, lines[4].dropped) = (2, 3);
    // when
    let outcome = check_lines(&lines);
    // then
    assert!(outcome.ok, "{outcome}");
    assert_eq!((outcome.decisions, outcome.dropped), (5, 5));
    assert_eq!(outcome.by_worker, [(NodeId(1), 1), (NodeId(2), 2)].into());
    assert_eq!((outcome.on_leader, outcome.busy, outcome.nobody), (1, 1, 1));
    assert_eq!(outcome.leaders[&LEADER], [(4, 3), (5, 2)].into());
    assert!(outcome.not_judged.is_empty() && outcome.torn.is_empty());
}

#[test]
fn a_flood_of_violations_is_counted() {
    let mut lines = some(300);
    for line in &mut lines {
        line.decision.choice = Choice::Nobody;
    }
    let outcome = check_lines(&lines);
    assert_eq!(outcome.violations_in_all, 300);
    assert!(outcome.violations.len() < 300);
    assert!(outcome.to_string().contains("more violations"));
}
