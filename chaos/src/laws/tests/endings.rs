//! L10: endings that nodes have confirmed.

use super::story::{Refused, Told, charged, granted, seen_floor, terms};
use crate::verdict::Law;
use cameo_common::api::ErrorCode;

#[test]
fn a_node_that_has_confirmed_an_ending_releases_nothing_by_older_rights() {
    let mut story = granted(3);
    story
        .debit(1, charged(1, 2))
        .put_ok(terms(2, 3, true))
        .confirm(1, 2, 2, true);
    story
        .release(1, 1, Refused(ErrorCode::Revoked))
        .keeps(Law::L10);
    // Another node has confirmed nothing: that is L5's.
    story.release(1, 2, Told::Ok(())).keeps(Law::L10);
    story.release(1, 1, Told::Ok(())).breaks(Law::L10);
}

#[test]
fn newer_rights_than_the_confirmed_ones_permit_again() {
    let mut story = granted(3);
    story
        .debit(1, charged(1, 2))
        .put_ok(terms(2, 3, true))
        .confirm(1, 2, 2, true)
        .put_ok(terms(3, 3, false))
        .release(1, 1, Told::Ok(()))
        .keeps(Law::L10);
    // Not of a version that the node has shown to be over.
    let mut story = granted(3);
    story
        .debit(1, charged(1, 2))
        .put_ok(terms(2, 3, false))
        .put_ok(terms(3, 0, false))
        .confirm(1, 2, 3, true)
        .release(1, 1, Told::Ok(()))
        .breaks(Law::L10);
}

#[test]
fn a_lowering_leaves_the_views_below_it() {
    let mut story = granted(3);
    story
        .debit(1, charged(1, 2))
        .debit(2, charged(2, 1))
        .put_ok(terms(2, 1, false))
        .confirm(1, 2, 2, true)
        .release(1, 1, Told::Ok(()))
        .keeps(Law::L10);
    story.release(2, 1, Told::Ok(())).breaks(Law::L10);
}

#[test]
fn a_confirmation_without_its_floor_breaks_l10() {
    let confirmed = || {
        let mut story = granted(3);
        story
            .observe(1, seen_floor(1, 0))
            .put_ok(terms(2, 3, true))
            .confirm(1, 2, 2, true);
        story
    };
    confirmed().observe(1, seen_floor(2, 0)).keeps(Law::L10);
    confirmed().observe(1, seen_floor(1, 0)).breaks(Law::L10);
    // What another node has on its disk says nothing of this one.
    confirmed().observe(2, seen_floor(1, 0)).keeps(Law::L10);
}

#[test]
fn a_confirmation_of_something_else_breaks_l10() {
    let ended = || {
        let mut story = granted(3);
        story.put_ok(terms(2, 3, true));
        story
    };
    ended().confirm(1, 2, 2, false).breaks(Law::L10);
    ended().confirm(1, 2, 1, true).breaks(Law::L10);
    ended().confirm(1, 2, 3, true).keeps(Law::L10);
}
