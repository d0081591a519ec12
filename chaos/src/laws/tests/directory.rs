//! D1 to D4.

use cameo_common::api::ErrorCode;

use super::story::{Refused, Story, Told, Unknown, hash, observed};
use crate::verdict::Law;

fn directory() -> Story {
    Story::of(&["directory"])
}

#[test]
fn a_registered_name_is_found() {
    directory()
        .look_up("ada", None)
        .register("ada", 1, Told::Ok(()))
        .register("ada", 2, Refused(ErrorCode::NameTaken))
        .look_up("ada", Some(1))
        .keeps(Law::D1)
        .keeps(Law::D2);
}

#[test]
fn a_stale_look_up_breaks_d1() {
    directory()
        .register("ada", 1, Told::Ok(()))
        .look_up("ada", None)
        .breaks(Law::D1)
        .keeps(Law::D2);
}

#[test]
fn a_look_up_beside_the_registration_may_see_either() {
    let mut story = directory();
    story.register("ada", 1, Told::Ok(()));
    story.overlapping(5).look_up("ada", None);
    story.look_up("ada", Some(1)).keeps(Law::D1);
}

#[test]
fn an_unknown_registration_may_come_late_but_not_go_again() {
    directory()
        .register("ada", 1, Unknown)
        .look_up("ada", None)
        .look_up("ada", Some(1))
        .keeps(Law::D1);
    directory()
        .register("ada", 1, Unknown)
        .look_up("ada", Some(1))
        .look_up("ada", None)
        .breaks(Law::D1);
}

#[test]
fn a_name_is_refused_only_if_it_is_taken() {
    directory()
        .register("ada", 1, Refused(ErrorCode::NameTaken))
        .look_up("ada", None)
        .breaks(Law::D1);
    // A key has one name: this one has another.
    directory()
        .register("bea", 1, Told::Ok(()))
        .register("ada", 1, Refused(ErrorCode::NameTaken))
        .look_up("ada", None)
        .keeps(Law::D1);
}

#[test]
fn the_last_writer_does_not_win_a_name() {
    directory()
        .register("ada", 1, Told::Ok(()))
        .register("ada", 2, Told::Ok(()))
        .look_up("ada", Some(2))
        .breaks(Law::D1)
        .breaks(Law::D2);
}

#[test]
fn a_registration_without_answer_that_never_was_has_no_key() {
    directory()
        .register("ada", 1, Unknown)
        .register("ada", 2, Told::Ok(()))
        .look_up("ada", Some(2))
        .keeps(Law::D1)
        .keeps(Law::D2);
}

#[test]
fn equal_indexes_have_equal_states() {
    let mut story = directory();
    story.heal();
    for node in 1..=3 {
        story.observe(node, observed(1, 1, 1, 7));
    }
    story.keeps(Law::D3).keeps(Law::R2);

    let mut other = observed(1, 1, 1, 7);
    other.state = Some((7, hash(99)));
    story.observe(3, other).breaks(Law::D3).breaks(Law::R2);
}

#[test]
fn states_must_be_compared_after_the_heal() {
    let mut story = directory();
    for node in 1..=3 {
        story.observe(node, observed(1, 1, 1, 7));
    }
    story.leaves_open(Law::D3);
    story
        .heal()
        .observe(1, observed(1, 1, 1, 7))
        .observe(2, observed(1, 1, 1, 7));
    // Node 3 has not shown its state.
    story.leaves_open(Law::D3);
}

#[test]
fn online_needs_a_recent_sign() {
    let mut story = directory();
    story
        .start("ben", 2, Told::Ok(1))
        .keep_alive("ben", 1, Told::Ok(()));
    story.wait(10).online("ben", 2, 1).keeps(Law::D4);
    story.wait(15).online("ben", 2, 1).breaks(Law::D4);
}

#[test]
fn a_fault_or_a_new_leader_may_prolong_a_session() {
    let mut story = directory();
    story.start("ben", 2, Told::Ok(1));
    story.wait(20).fault("kill", true).wait(5);
    story.online("ben", 2, 1).keeps(Law::D4);

    let mut story = directory();
    story.observe(1, observed(1, 1, 1, 7));
    story
        .start("ben", 2, Told::Ok(1))
        .observe(1, observed(1, 1, 1, 8));
    story.wait(20).observe(1, observed(1, 2, 2, 9)).wait(5);
    story.online("ben", 2, 1).keeps(Law::D4);
}

#[test]
fn an_epoch_that_nobody_got_is_not_online() {
    directory()
        .start("ben", 2, Told::Ok(1))
        .online("ben", 2, 5)
        .breaks(Law::D4);
    directory()
        .start("ben", 2, Unknown)
        .online("ben", 2, 5)
        .keeps(Law::D4);
}

#[test]
fn a_report_of_an_older_epoch_does_not_end_a_newer_session() {
    let mut story = directory();
    story
        .start("ben", 2, Told::Ok(1))
        .start("ben", 2, Told::Ok(2));
    story.report("ben", 1, Told::Ok(true));
    story
        .keep_alive("ben", 2, Refused(ErrorCode::SessionEnded))
        .breaks(Law::D4);
}

#[test]
fn a_session_ends_by_its_end_a_report_a_newer_one_or_age() {
    let ended = Refused::<()>;
    let code = ErrorCode::SessionEnded;
    let started = || {
        let mut story = directory();
        story.start("ben", 2, Told::Ok(1));
        story
    };
    started()
        .end("ben", 1, Told::Ok(()))
        .keep_alive("ben", 1, ended(code))
        .keeps(Law::D4);
    started()
        .report("ben", 1, Unknown)
        .keep_alive("ben", 1, ended(code))
        .keeps(Law::D4);
    started()
        .start("ben", 2, Told::Ok(2))
        .keep_alive("ben", 1, ended(code))
        .keeps(Law::D4);
    started()
        .wait(15)
        .keep_alive("ben", 1, ended(code))
        .keeps(Law::D4);
    started().keep_alive("ben", 1, ended(code)).breaks(Law::D4);
}

#[test]
fn a_session_that_was_ended_is_not_online() {
    directory()
        .start("ben", 2, Told::Ok(1))
        .end("ben", 1, Told::Ok(()))
        .online("ben", 2, 1)
        .breaks(Law::D4);
    directory()
        .start("ben", 2, Told::Ok(1))
        .end("ben", 1, Unknown)
        .online("ben", 2, 1)
        .keeps(Law::D4);
    directory()
        .start("ben", 2, Told::Ok(1))
        .start("ben", 2, Told::Ok(2))
        .online("ben", 2, 1)
        .breaks(Law::D4);
}

#[test]
fn a_session_that_nobody_ended_is_online() {
    directory()
        .start("ben", 2, Told::Ok(1))
        .offline("ben", 2)
        .breaks(Law::D4);
    let mut story = directory();
    story
        .start("ben", 2, Told::Ok(1))
        .start("ben", 2, Told::Ok(2));
    story
        .report("ben", 1, Told::Ok(true))
        .offline("ben", 2)
        .breaks(Law::D4);
    let mut story = directory();
    story.start("ben", 2, Told::Ok(1)).report("ben", 1, Unknown);
    story.offline("ben", 2).keeps(Law::D4);
    let mut story = directory();
    story
        .start("ben", 2, Told::Ok(1))
        .wait(20)
        .offline("ben", 2)
        .keeps(Law::D4);
}

#[test]
fn a_request_has_one_epoch() {
    directory()
        .start("ben", 2, Told::Ok(1))
        .start("ben", 3, Told::Ok(1))
        .breaks(Law::D4);
}

#[test]
fn a_leader_that_is_cut_off_may_not_know_a_session() {
    let mut story = directory();
    story.start("ben", 2, Told::Ok(1)).fault("isolate", true);
    story
        .keep_alive("ben", 1, Refused(ErrorCode::SessionEnded))
        .keeps(Law::D4);
    story.offline("ben", 2).breaks(Law::D4);
}

#[test]
fn no_session_outlives_the_grace_of_the_leaders_there_were() {
    let gone = |quiet_for| {
        let mut story = directory();
        story.start("ben", 2, Told::Ok(1)).fault("kill", true);
        story.heal().wait(quiet_for);
        story
    };
    // A leader that was elected before the heal has given it a grace.
    gone(25).online("ben", 2, 1).keeps(Law::D4);
    gone(40).online("ben", 2, 1).breaks(Law::D4);
    gone(40).offline("ben", 2).keeps(Law::D4);
    // It was heard of since, or a leader came since and gives another grace.
    let mut story = gone(20);
    story.keep_alive("ben", 1, Told::Ok(())).wait(18);
    story.online("ben", 2, 1).keeps(Law::D4);
    let mut story = gone(1);
    story
        .observe(1, observed(1, 1, 1, 7))
        .observe(1, observed(1, 2, 2, 7))
        .wait(40);
    story.online("ben", 2, 1).keeps(Law::D4);
}
