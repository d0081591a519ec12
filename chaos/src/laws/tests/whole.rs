//! Verdicts of whole runs.

use super::story::{Story, Told, Unknown, charged, observed};
use crate::verdict::{Law, Outcome};

fn healed(story: &mut Story) -> &mut Story {
    story.fault("kill", true).heal();
    for _ in 0..2 {
        for node in 1..=3 {
            story.observe(node, observed(1, 1, 1, 200));
        }
    }
    story
}

#[test]
fn a_run_in_which_everything_was_tried_is_valid() {
    let mut story = Story::of(&["directory"]);
    story
        .register("ada", 1, Told::Ok(()))
        .start("ada", 101, Told::Ok(1));
    story.look_up("ada", Some(1)).online("ada", 1, 1);
    let judged = healed(&mut story).judged();
    assert_eq!(
        *judged.outcome(),
        Outcome::Valid,
        "{}",
        judged.text(story.history())
    );
    assert_eq!(judged.outcome().exit_code(), 0);
    let unexpected = judged
        .laws
        .iter()
        .find(|report| report.law == Law::L1)
        .unwrap();
    assert!(!unexpected.expected);
}

#[test]
fn a_fault_that_did_not_strike_leaves_the_run_open() {
    let mut story = Story::of(&["directory"]);
    story
        .fault("kill", true)
        .heal()
        .register("ada", 1, Told::Ok(()))
        .keeps(Law::Run);
    story.fault("pause", false).leaves_open(Law::Run);
    assert_ne!(story.judged().outcome().exit_code(), 0);
}

#[test]
fn a_workload_that_got_nothing_done_leaves_the_run_open() {
    Story::of(&["ledger"])
        .create(3)
        .debit(1, charged(1, 2))
        .heal()
        .keeps(Law::Run);
    Story::of(&["ledger"])
        .create(3)
        .debit(1, Unknown)
        .heal()
        .leaves_open(Law::Run);
    Story::of(&["ledger"])
        .heal()
        .leaves_open(Law::Run)
        .leaves_open(Law::L1);
    Story::of(&[]).heal().leaves_open(Law::Run);
}

#[test]
fn a_run_that_never_healed_is_open() {
    Story::of(&["directory"])
        .register("ada", 1, Told::Ok(()))
        .leaves_open(Law::Run);
}

#[test]
fn the_worst_verdict_is_the_whole() {
    let mut story = Story::of(&["directory", "ledger"]);
    story.register("ada", 1, Told::Ok(())).look_up("ada", None);
    let judged = story.judged();
    assert!(matches!(judged.outcome(), Outcome::Invalid { .. }));
    assert_eq!(judged.outcome().exit_code(), 1);
    assert_eq!(judged.broken(), vec![Law::D1, Law::R3]);
    // Others are open beside it, and named.
    assert!(judged.verdicts.iter().any(|verdict| verdict.law == Law::L1));
    let text = judged.text(story.history());
    assert!(text.contains("an acked registration was lost"), "{text}");
}

#[test]
fn every_law_is_judged_once() {
    let judged = Story::of(&["ledger"]).judged();
    let laws: Vec<Law> = judged.laws.iter().map(|report| report.law).collect();
    let mut sorted = laws.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(laws, sorted);
    assert_eq!(laws.len(), 29);
}

#[test]
fn a_client_with_two_operations_at_once_leaves_the_run_open() {
    let mut story = Story::of(&["directory"]);
    story
        .register("ada", 1, Told::Ok(()))
        .heal()
        .keeps(Law::Run);
    story
        .overlapping(15)
        .look_up("ada", Some(1))
        .keeps(Law::Run);
    story
        .same_client()
        .overlapping(5)
        .look_up("ada", Some(1))
        .leaves_open(Law::Run);
}
