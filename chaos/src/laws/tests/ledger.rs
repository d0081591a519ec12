//! L1 to L8.

use cameo_common::api::ErrorCode;
use cameo_common::ids::Millis;

use super::story::{Refused, Story, Told, Unknown, charged, hash, stored, terms, usage};
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

/// A grant of so many views.
fn granted(permitted: u32) -> Story {
    let mut story = Story::of(&["ledger"]);
    story.create(permitted);
    story
}

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
fn a_release_after_a_revocation_breaks_l5() {
    let revoked = terms(2, 3, true);
    granted(3)
        .debit(1, charged(1, 2))
        .put_ok(revoked.clone())
        .release(1, 1, Refused(ErrorCode::Revoked))
        .keeps(Law::L5)
        .keeps(Law::L1);
    granted(3)
        .debit(1, charged(1, 2))
        .put_ok(revoked)
        .release(1, 1, Told::Ok(()))
        .breaks(Law::L5)
        .breaks(Law::L1);
}

#[test]
fn a_release_that_overlaps_the_revocation_is_fine() {
    let mut story = granted(3);
    story.debit(1, charged(1, 2)).put_ok(terms(2, 3, true));
    story.overlapping(5).release(1, 1, Told::Ok(()));
    story.release(1, 2, Refused(ErrorCode::Revoked));
    story.keeps(Law::L5).keeps(Law::L1);
}

#[test]
fn a_revocation_that_was_read_counts_like_an_acked_one() {
    let revoked = terms(2, 3, true);
    granted(3)
        .debit(1, charged(1, 2))
        .put(revoked.clone(), Unknown)
        .usage(usage(&revoked, 1, 0))
        .release(1, 1, Told::Ok(()))
        .breaks(Law::L5);
}

#[test]
fn a_lowering_ends_the_views_above_it() {
    granted(3)
        .debit(1, charged(1, 2))
        .debit(2, charged(2, 1))
        .put_ok(terms(2, 1, false))
        .release(1, 1, Told::Ok(()))
        .release(2, 1, Told::Ok(()))
        .breaks(Law::L5);
}

#[test]
fn renewed_rights_permit_again() {
    granted(3)
        .debit(1, charged(1, 2))
        .put_ok(terms(2, 3, true))
        .release(1, 1, Refused(ErrorCode::Revoked))
        .put_ok(terms(3, 3, false))
        .release(1, 1, Told::Ok(()))
        .keeps(Law::L5)
        .keeps(Law::L7)
        .keeps(Law::L1);
}

#[test]
fn an_expired_grant_releases_nothing() {
    let mut expired = terms(2, 3, false);
    expired.expires = Some(Millis(999));
    let mut story = granted(3);
    story.debit(1, charged(1, 2)).put_ok(expired);
    story
        .release(1, 1, Refused(ErrorCode::Expired))
        .keeps(Law::L5)
        .keeps(Law::L1);
    story
        .debit(2, Refused(ErrorCode::Expired))
        .keeps(Law::L1)
        .keeps(Law::L2);
    story
        .release(1, 2, Told::Ok(()))
        .breaks(Law::L5)
        .breaks(Law::L1);
}

#[test]
fn an_expired_grant_charges_nothing() {
    let mut expired = terms(2, 3, false);
    expired.expires = Some(Millis(999));
    granted(3)
        .put_ok(expired)
        .debit(1, charged(1, 2))
        .breaks(Law::L2)
        .breaks(Law::L1);
}

#[test]
fn without_an_ending_l5_has_not_been_tried() {
    granted(3)
        .debit(1, charged(1, 2))
        .release(1, 1, Told::Ok(()))
        .leaves_open(Law::L5);
}

#[test]
fn a_release_without_its_debit_breaks_l6() {
    granted(3)
        .release(1, 1, Told::Ok(()))
        .breaks(Law::L6)
        .breaks(Law::L1);
    // The debit comes after it.
    granted(3)
        .release(1, 1, Told::Ok(()))
        .debit(1, charged(1, 2))
        .breaks(Law::L6)
        .breaks(Law::L1);
    granted(3)
        .debit(1, Refused(ErrorCode::UsedUp))
        .release(1, 1, Told::Ok(()))
        .breaks(Law::L6);
    granted(3)
        .debit(1, Unknown)
        .release(1, 1, Told::Ok(()))
        .log(&[])
        .breaks(Law::L6)
        .breaks(Law::L1);
}

#[test]
fn a_release_to_another_key_breaks_l6() {
    granted(3)
        .debit(1, charged(1, 2))
        .release_with((1, 1), 1, false, Told::Ok(()))
        .breaks(Law::L6);
    granted(3)
        .debit(1, charged(1, 2))
        .release_with((1, 7), 1, true, Told::Ok(()))
        .breaks(Law::L6)
        .breaks(Law::L1);
}

#[test]
fn an_acked_debit_is_not_denied() {
    granted(3)
        .debit(1, charged(1, 2))
        .release(1, 1, Refused(ErrorCode::NotDebited))
        .breaks(Law::L6)
        .breaks(Law::L1);
    granted(3)
        .debit(1, Unknown)
        .release(1, 1, Refused(ErrorCode::NotDebited))
        .keeps(Law::L6)
        .keeps(Law::L1);
    // The time to resume it is over.
    granted(3)
        .debit(1, charged(1, 2))
        .wait(601)
        .release(1, 1, Refused(ErrorCode::NotDebited))
        .keeps(Law::L6)
        .keeps(Law::L1);
}

#[test]
fn a_view_is_not_resumed_for_ever() {
    granted(3)
        .debit(1, charged(1, 2))
        .wait(1800)
        .release(1, 1, Told::Ok(()))
        .breaks(Law::L6);
}

#[test]
fn a_node_that_knew_of_a_revocation_does_not_forget_it() {
    // The revocation's answer was lost, and the node that had it lost its state.
    let mut story = granted(3);
    story
        .debit(1, charged(1, 2))
        .put(terms(2, 3, true), Unknown);
    story
        .release(1, 2, Refused(ErrorCode::Revoked))
        .keeps(Law::L7);
    story
        .release(1, 2, Told::Ok(()))
        .breaks(Law::L7)
        .breaks(Law::L1);
}

#[test]
fn a_forged_debit_breaks_l8() {
    granted(3)
        .debit_with(1, 1, false, Refused(ErrorCode::NotAuthenticated))
        .keeps(Law::L8)
        .keeps(Law::L1);
    granted(3)
        .debit_with(1, 1, false, charged(1, 2))
        .breaks(Law::L8)
        .breaks(Law::L1);
    granted(3)
        .debit_with(1, 1, false, Unknown)
        .log(&[1])
        .breaks(Law::L8)
        .breaks(Law::L1);
}

#[test]
fn a_row_of_the_log_was_asked_for_and_stays() {
    granted(3)
        .debit(1, charged(1, 2))
        .log(&[1])
        .log(&[1])
        .keeps(Law::L8);
    granted(3)
        .debit(1, charged(1, 2))
        .log(&[9])
        .breaks(Law::L8)
        .breaks(Law::L1);
    granted(3)
        .debit(1, Unknown)
        .debit(2, Unknown)
        .log(&[1, 2])
        .log(&[2, 1])
        .breaks(Law::L8)
        .breaks(Law::L1);
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
