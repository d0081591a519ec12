//! Lines that are missing or out of order.

use super::*;

#[test]
fn a_missing_line_is_caught_unless_it_is_counted_as_dropped() {
    let mut lines = some(4);
    lines.remove(2);
    assert_broken(&check_lines(&lines), 3, "sequence 3 after 1 with 0 dropped");
    lines[2].dropped = 1;
    assert!(check_lines(&lines).ok);
    lines[2].dropped = 2;
    assert_broken(&check_lines(&lines), 3, "sequence 3 after 1 with 2 dropped");
    // A line twice, and a beginning that is gone.
    let twice = [some(2), some(2).split_off(1)].concat();
    assert_broken(&check_lines(&twice), 3, "sequence 1 after 1");
    assert_broken(&check_lines(&some(2)[1..]), 1, "begins with sequence 1");
}

#[test]
fn a_log_of_falling_terms_or_of_two_nodes_is_caught() {
    let back = [logged(5, 0, three()), logged(4, 0, three())];
    assert_broken(&check_lines(&back), 2, "term 4 after term 5");
    let mut other = logged(6, 0, vec![]);
    other.leader = NodeId(2);
    let mixed = [logged(5, 0, three()), other];
    assert_broken(&check_lines(&mixed), 2, "node 2 in the log of node 1");
}
