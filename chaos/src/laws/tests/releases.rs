//! L5 to L7: parts that are released, and those that are not.

use cameo_common::api::ErrorCode;
use cameo_common::ids::Millis;

use super::story::{Refused, Told, Unknown, charged, granted, seen_floor, terms, usage};
use crate::verdict::Law;

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
fn a_floor_that_goes_back_breaks_l7() {
    for (version, released) in [(1, 2), (2, 1), (0, 0)] {
        let mut story = granted(3);
        story
            .observe(1, seen_floor(2, 2))
            .observe(1, seen_floor(2, 2))
            .observe(2, seen_floor(1, 1));
        story.keeps(Law::L7);
        story.observe(1, seen_floor(version, released));
        story.breaks(Law::L7);
    }
}

#[test]
fn a_part_that_the_nodes_floor_does_not_count_breaks_l7() {
    let mut story = granted(3);
    story
        .debit(1, charged(1, 2))
        .debit(2, charged(2, 1))
        .release(1, 1, Told::Ok(()))
        .release(1, 1, Told::Ok(()))
        .observe(1, seen_floor(1, 1))
        .keeps(Law::L7);
    // Another node's releases are in its own floor.
    story.release(2, 2, Told::Ok(())).keeps(Law::L7);
    story
        .release(2, 1, Told::Ok(()))
        .observe(1, seen_floor(1, 1))
        .breaks(Law::L7);
}

#[test]
fn an_honest_node_that_calls_its_state_rolled_back_breaks_l7() {
    granted(3)
        .debit(1, charged(1, 2))
        .release(1, 1, Refused(ErrorCode::RolledBack))
        .breaks(Law::L7);
}
