//! R1 to R4.

use super::story::{Story, Told, charged, hash, observed};
use crate::verdict::Law;

fn run() -> Story {
    Story::of(&["ledger"])
}

#[test]
fn a_term_has_one_leader() {
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(2, observed(1, 4, 1, 6))
        .observe(2, observed(1, 5, 2, 8))
        .keeps(Law::R1);
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(2, observed(1, 4, 2, 7))
        .breaks(Law::R1);
    // By a ticket's word.
    run()
        .observe(1, observed(1, 4, 1, 7))
        .place("1", 2, 4)
        .breaks(Law::R1);
}

#[test]
fn a_leader_does_not_forget_its_vote() {
    let leads = |start, term| {
        let mut leader = observed(start, term, 1, 7);
        leader.leads = Some(true);
        leader
    };
    run()
        .observe(1, leads(1, 4))
        .observe(1, observed(2, 4, 1, 7))
        .keeps(Law::R1);
    run()
        .observe(1, leads(1, 4))
        .observe(1, observed(2, 3, 2, 7))
        .breaks(Law::R1);
    // It has just started, and not read its disk.
    run()
        .observe(1, leads(1, 4))
        .observe(1, observed(2, 0, 1, 0))
        .keeps(Law::R1);
}

#[test]
fn a_committed_entry_stays() {
    let with = |log| {
        let mut node = observed(1, 1, 1, 7);
        node.log = log;
        node
    };
    run()
        .observe(1, with(vec![(5, 1, hash(5)), (6, 1, hash(6))]))
        .observe(2, with(vec![(6, 1, hash(6)), (7, 1, hash(7))]))
        .keeps(Law::R2);
    run()
        .observe(1, with(vec![(6, 1, hash(6))]))
        .observe(2, with(vec![(6, 1, hash(9))]))
        .breaks(Law::R2);
    run()
        .observe(1, with(vec![(6, 1, hash(6))]))
        .observe(1, with(vec![(6, 2, hash(6))]))
        .breaks(Law::R2);
}

#[test]
fn one_entry_is_not_two_debits() {
    let mut second = charged(2, 1);
    if let Told::Ok(debited) = &mut second {
        debited.index = 101;
    }
    run()
        .create(3)
        .debit(1, charged(1, 2))
        .debit(2, second)
        .breaks(Law::R2)
        .breaks(Law::L2);
}

#[test]
fn what_was_acked_is_there_when_it_is_read() {
    run()
        .create(3)
        .debit(1, charged(1, 2))
        .log(&[1])
        .keeps(Law::R3);
    run()
        .create(3)
        .debit(1, charged(1, 2))
        .log(&[])
        .breaks(Law::R3);
    run()
        .register("ada", 1, Told::Ok(()))
        .look_up("ada", Some(1))
        .keeps(Law::R3);
    run()
        .register("ada", 1, Told::Ok(()))
        .look_up("ada", None)
        .breaks(Law::R3);
}

#[test]
fn the_cluster_does_not_fall_below_an_acked_index() {
    let acked = || {
        let mut story = run();
        story.create(3).debit(1, charged(1, 2)).log(&[1]).heal();
        story
    };
    acked()
        .observe(1, observed(1, 1, 1, 101))
        .observe(2, observed(1, 1, 1, 90))
        .keeps(Law::R3);
    acked()
        .observe(1, observed(1, 1, 1, 99))
        .observe(2, observed(1, 1, 1, 90))
        .breaks(Law::R3);
}

#[test]
fn within_a_process_nothing_goes_back() {
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(1, observed(1, 4, 1, 7))
        .keeps(Law::R4);
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(1, observed(2, 4, 1, 3))
        .leaves_open(Law::R4);
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(1, observed(1, 3, 1, 7))
        .breaks(Law::R4);
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(1, observed(1, 4, 1, 6))
        .breaks(Law::R4);
    let mut less = observed(1, 4, 1, 7);
    less.committed = 5;
    run()
        .observe(1, observed(1, 4, 1, 7))
        .observe(1, less)
        .breaks(Law::R4);
}

#[test]
fn statements_that_overlap_have_no_order() {
    let mut story = run();
    story.observe(1, observed(1, 4, 1, 7));
    story.overlapping(5).observe(1, observed(1, 4, 1, 6));
    story.leaves_open(Law::R4);
}
