//! L1 to L4: views that are charged, answered and counted.

use cameo_common::api::ErrorCode;

use super::story::{Refused, Told, Unknown, charged, granted, hash, stored, terms, usage};
use crate::verdict::Law;

const ALL: [Law; 7] = [
    Law::L1,
    Law::L2,
    Law::L3,
    Law::L4,
    Law::L6,
    Law::L7,
    Law::L8,
];

#[test]
fn views_are_charged_released_and_logged() {
    let one = terms(1, 2, false);
    let mut story = granted(2);
    story
        .debit(1, charged(1, 1))
        .release(1, 1, Told::Ok(()))
        .release(1, 2, Told::Ok(()))
        .debit(2, charged(2, 0))
        .debit(3, Refused(ErrorCode::UsedUp))
        .usage(usage(&one, 2, 0))
        .log(&[1, 2]);
    for law in ALL {
        story.keeps(law);
    }
}

#[test]
fn a_retry_gets_the_first_answer_whatever_happened_since() {
    let mut story = granted(2);
    story
        .debit(1, Unknown)
        .debit(2, charged(2, 0))
        .put_ok(terms(2, 2, true))
        .debit(1, charged(1, 1))
        .release(1, 1, Refused(ErrorCode::Revoked))
        .usage(usage(&terms(2, 2, true), 2, 0))
        .log(&[1, 2]);
    for law in ALL {
        story.keeps(law);
    }
}

#[test]
fn one_view_too_many_breaks_l2() {
    granted(1)
        .debit(1, charged(1, 0))
        .debit(2, charged(2, 0))
        .breaks(Law::L1)
        .breaks(Law::L2);
}

#[test]
fn a_view_under_revoked_rights_breaks_l2() {
    granted(3)
        .put_ok(terms(2, 3, true))
        .debit(1, charged(1, 2))
        .breaks(Law::L1)
        .breaks(Law::L2);
}

#[test]
fn a_debit_beside_the_revocation_may_win() {
    let mut story = granted(3);
    story.put_ok(terms(2, 3, true));
    story.overlapping(5).debit(1, charged(1, 2));
    story.usage(usage(&terms(2, 3, true), 1, 0));
    story.keeps(Law::L1).keeps(Law::L2);
}

#[test]
fn numbers_rise_with_the_log() {
    let mut second = charged(2, 1);
    if let Told::Ok(debited) = &mut second {
        debited.index = 50;
    }
    granted(3)
        .debit(1, charged(1, 2))
        .debit(2, second)
        .breaks(Law::L2);
}

#[test]
fn a_view_that_nobody_asked_for_is_not_counted() {
    granted(3)
        .debit(1, charged(2, 1))
        .breaks(Law::L1)
        .breaks(Law::L2);
}

#[test]
fn a_retry_that_is_charged_again_breaks_l3() {
    granted(3)
        .debit(1, charged(1, 2))
        .debit(1, charged(2, 1))
        .breaks(Law::L1)
        .breaks(Law::L3);
    granted(3).debit(1, Unknown).log(&[1, 1]).breaks(Law::L3);
    granted(3)
        .debit(1, charged(1, 2))
        .usage(usage(&terms(1, 3, false), 2, 0))
        .breaks(Law::L1)
        .breaks(Law::L3);
}

#[test]
fn two_requests_are_not_one_view() {
    granted(3)
        .debit(1, charged(1, 2))
        .debit(2, charged(1, 2))
        .breaks(Law::L1)
        .breaks(Law::L3);
}

#[test]
fn a_refusal_charges_nothing() {
    // What is answered as a failure, and is done all the same.
    granted(3)
        .debit(1, Refused(ErrorCode::UsedUp))
        .log(&[1])
        .breaks(Law::L1)
        .breaks(Law::L3);
    granted(3)
        .debit(1, Refused(ErrorCode::CallExpired))
        .usage(usage(&terms(1, 3, false), 1, 0))
        .breaks(Law::L1)
        .breaks(Law::L3);
}

#[test]
fn a_lost_debit_breaks_l3_and_r3() {
    granted(3)
        .debit(1, charged(1, 2))
        .log(&[])
        .breaks(Law::L1)
        .breaks(Law::L3)
        .breaks(Law::R3);
}

#[test]
fn a_refusal_names_a_true_reason() {
    granted(3)
        .debit(1, Refused(ErrorCode::UsedUp))
        .breaks(Law::L1);
    granted(3)
        .debit(1, Refused(ErrorCode::Revoked))
        .breaks(Law::L1);
    granted(3)
        .debit(1, Refused(ErrorCode::Expired))
        .breaks(Law::L1);
    granted(3)
        .debit(1, Refused(ErrorCode::RequestReused))
        .breaks(Law::L1);
    granted(3)
        .put(terms(2, 3, false), Refused(ErrorCode::StaleVersion))
        .breaks(Law::L1);
    granted(3)
        .ack(1, Refused(ErrorCode::Mismatch))
        .breaks(Law::L1);
}

#[test]
fn other_bytes_under_a_known_request_are_refused() {
    granted(3)
        .debit_with(1, 1, true, charged(1, 2))
        .debit_with(1, 7, true, Refused(ErrorCode::RequestReused))
        .keeps(Law::L1);
    granted(3)
        .debit_with(1, 1, true, charged(1, 2))
        .debit_with(1, 7, true, charged(1, 2))
        .breaks(Law::L1);
}

#[test]
fn a_command_is_carried_out_once() {
    // The first attempt was carried out, version 3 came, and the second attempt gets its answer.
    let two = terms(2, 9, false);
    let mut story = granted(3);
    story.put(two.clone(), Unknown);
    let same = story.now;
    story.put_ok(terms(3, 5, false)).keeps(Law::L1);
    assert!(same < story.now);
    // As a new request it would be stale.
    story.put(two, stored(2, true)).breaks(Law::L1);
}

#[test]
fn figures_that_do_not_fit_break_l4() {
    let mut read = usage(&terms(1, 3, false), 0, 0);
    read.left = 2;
    granted(3).usage(read).breaks(Law::L1).breaks(Law::L4);
    granted(3)
        .debit(1, charged(1, 1))
        .breaks(Law::L1)
        .breaks(Law::L4);
}

#[test]
fn nothing_is_left_of_lowered_rights() {
    let lowered = terms(2, 1, false);
    granted(3)
        .debit(1, charged(1, 2))
        .debit(2, charged(2, 1))
        .put_ok(lowered.clone())
        .usage(usage(&lowered, 2, 0))
        .keeps(Law::L1)
        .keeps(Law::L4);
}

#[test]
fn statements_of_rights_are_told_apart_by_their_bytes() {
    let mut other = terms(2, 9, false);
    other.statement = hash(77);
    granted(3)
        .put_ok(terms(2, 5, false))
        .put(other.clone(), Refused(ErrorCode::StaleVersion))
        .put(terms(2, 5, false), stored(2, true))
        .keeps(Law::L1);
    granted(3)
        .put_ok(terms(2, 5, false))
        .put(other, stored(2, true))
        .breaks(Law::L1);
}
