//! B1 to B6.

use cameo_common::api::ErrorCode;

use super::story::{Refused, Story, Told, Unknown, stored, terms, usage};
use crate::verdict::Law;

/// A grant of three views.
fn granted() -> Story {
    let mut story = Story::of(&["rights"]);
    story.create(3);
    story
}

#[test]
fn rights_are_put_delivered_and_acknowledged() {
    let two = terms(2, 5, false);
    let mut story = granted();
    story
        .put_ok(two.clone())
        .usage(usage(&two, 0, 0))
        .delivered(two.clone(), 1, 1)
        .ack(2, stored(2, false))
        .usage(usage(&two, 0, 2));
    for law in [Law::B1, Law::B2, Law::B3, Law::B4, Law::B5, Law::L1] {
        story.keeps(law);
    }
}

#[test]
fn an_acked_update_that_is_gone_breaks_b1() {
    granted()
        .put_ok(terms(2, 5, false))
        .usage(usage(&terms(1, 3, false), 0, 0))
        .breaks(Law::B1)
        .breaks(Law::B3)
        .breaks(Law::R3)
        .breaks(Law::L1);
}

#[test]
fn mail_that_goes_by_its_delivery_breaks_b1() {
    let one = terms(1, 3, false);
    let mut read = usage(&one, 0, 0);
    read.in_mailbox = false;
    granted()
        .delivered(one, 1, 1)
        .usage(read)
        .breaks(Law::B1)
        .breaks(Law::L1);
}

#[test]
fn an_acknowledgement_without_answer_may_have_removed_mail() {
    let one = terms(1, 3, false);
    granted()
        .ack(1, Unknown)
        .usage(usage(&one, 0, 1))
        .keeps(Law::B1)
        .keeps(Law::L1);
}

#[test]
fn what_was_not_put_breaks_b2() {
    granted()
        .delivered(terms(2, 9, false), 1, 1)
        .breaks(Law::B2);
    let mut changed = terms(1, 3, false);
    changed.permitted = 4;
    granted().delivered(changed, 1, 1).breaks(Law::B2);
    let lost = terms(2, 9, false);
    granted()
        .put(lost.clone(), Unknown)
        .delivered(lost, 1, 1)
        .keeps(Law::B2);
}

#[test]
fn what_was_refused_is_not_delivered() {
    let old = terms(2, 9, false);
    granted()
        .put_ok(terms(3, 5, false))
        .put(old.clone(), Refused(ErrorCode::StaleVersion))
        .delivered(old, 1, 1)
        .breaks(Law::B2);
}

#[test]
fn a_lower_version_does_not_overwrite() {
    granted()
        .put_ok(terms(3, 5, false))
        .put(terms(2, 9, false), stored(2, true))
        .usage(usage(&terms(2, 9, false), 0, 0))
        .breaks(Law::B3)
        .breaks(Law::L1);
}

#[test]
fn the_confirmed_version_does_not_go_down() {
    let two = terms(2, 5, false);
    granted()
        .put_ok(two.clone())
        .ack(2, stored(2, false))
        .usage(usage(&two, 0, 1))
        .breaks(Law::B3);
}

#[test]
fn concurrent_reads_may_see_either_version() {
    let (one, two) = (terms(1, 3, false), terms(2, 5, false));
    let mut story = granted();
    story.put_ok(two.clone());
    story.overlapping(5).usage(usage(&one, 0, 0));
    story
        .usage(usage(&two, 0, 0))
        .keeps(Law::B3)
        .keeps(Law::B1)
        .keeps(Law::L1);
}

#[test]
fn an_old_acknowledgement_does_not_remove_newer_mail() {
    granted()
        .put_ok(terms(2, 5, false))
        .ack(1, stored(2, true))
        .keeps(Law::B4)
        .keeps(Law::L1);
    granted()
        .put_ok(terms(2, 5, false))
        .ack(1, stored(2, false))
        .breaks(Law::B4)
        .breaks(Law::L1);
}

#[test]
fn a_stream_does_not_turn_back() {
    let one = terms(1, 3, false);
    granted()
        .delivered(one.clone(), 1, 7)
        .delivered(one.clone(), 2, 7)
        .keeps(Law::B5);
    granted()
        .delivered(one.clone(), 1, 7)
        .delivered(one, 1, 7)
        .breaks(Law::B5);
}

#[test]
fn an_old_version_has_no_higher_sequence_than_a_new_one() {
    let (one, two) = (terms(1, 3, false), terms(2, 5, false));
    granted()
        .put_ok(two.clone())
        .delivered(two, 1, 5)
        .delivered(one, 2, 6)
        .breaks(Law::B5);
}

#[test]
fn acknowledged_rights_do_not_come_again_in_quiet_times() {
    let one = terms(1, 3, false);
    let acked = || {
        let mut story = granted();
        story.delivered(one.clone(), 1, 1).ack(1, stored(1, false));
        story
    };
    acked().delivered(one.clone(), 2, 2).keeps(Law::B5);
    acked()
        .wait(30)
        .delivered(one.clone(), 2, 2)
        .breaks(Law::B5);
    acked()
        .wait(30)
        .fault("partition", true)
        .delivered(one.clone(), 2, 2)
        .keeps(Law::B5);
}

#[test]
fn mail_reaches_a_viewer_who_is_online_after_the_heal() {
    let (one, two) = (terms(1, 3, false), terms(2, 5, false));
    let online = || {
        let mut story = granted();
        story.register("ben", 2, Told::Ok(())).put_ok(two.clone());
        story.start("ben", 102, Told::Ok(1)).heal().wait(40);
        story.keep_alive("ben", 1, Told::Ok(()));
        story
    };
    online().usage(usage(&two, 0, 0)).breaks(Law::B6);
    online()
        .delivered(two.clone(), 1, 3)
        .ack(2, stored(2, false))
        .usage(usage(&two, 0, 2))
        .keeps(Law::B6);
    // In force, in no mailbox, and nobody has it.
    let mut lost = usage(&two, 0, 0);
    lost.in_mailbox = false;
    online().delivered(one, 1, 1).usage(lost).breaks(Law::B6);
}

#[test]
fn nothing_is_owed_to_a_viewer_who_is_away() {
    let two = terms(2, 5, false);
    granted()
        .put_ok(two.clone())
        .heal()
        .wait(60)
        .usage(usage(&two, 0, 0))
        .leaves_open(Law::B6);
}
