//! P1.

use cameo_common::api::ErrorCode;

use super::story::{Story, grant};
use crate::history::{Answer, Op, Opened, Operation, PermitArg, Permitted, Shown};
use crate::verdict::Law;

fn journey() -> Story {
    let mut story = Story::of(&["journey"]);
    permit(&mut story, 2, false, Some(1));
    story
}

/// None: the outcome is unknown.
fn permit(story: &mut Story, permitted: u32, revoked: bool, version: Option<u64>) {
    let arg = PermitArg { permitted, revoked };
    let out = version.map(|version| {
        Answer::Ok(Permitted {
            version,
            delivered: false,
        })
    });
    let known = out.is_some();
    story.add(grant(), known, Op::Permit(Operation { arg, out }));
}

fn open(story: &mut Story, number: u32, resumed: bool) {
    let opened = Opened {
        number,
        resumed,
        used: number,
        left: 0,
        genuine: true,
    };
    let out = Some(Answer::Ok(opened));
    story.add(grant(), true, Op::Open(Operation { arg: (), out }));
}

fn open_lost(story: &mut Story) {
    story.add(grant(), false, Op::Open(Operation { arg: (), out: None }));
}

fn show(story: &mut Story, version: u64, used: u32, in_mailbox: bool) {
    let shown = Shown {
        version,
        permitted: 2,
        used,
        acknowledged: version,
        in_mailbox,
    };
    let out = Some(Answer::Ok(shown));
    story.add(grant(), true, Op::Shown(Operation { arg: (), out }));
}

#[test]
fn views_are_opened_up_to_what_is_permitted_and_shown() {
    let mut story = journey();
    open(&mut story, 1, false);
    open(&mut story, 1, true);
    open_lost(&mut story);
    show(&mut story, 1, 2, false);
    let out = Some(Answer::Refused(ErrorCode::UsedUp));
    story.add(grant(), true, Op::Open(Operation { arg: (), out }));
    permit(&mut story, 3, false, Some(2));
    open(&mut story, 3, false);
    story.heal();
    show(&mut story, 2, 3, false);
    story.keeps(Law::P1);
}

#[test]
fn one_view_opened_twice_as_a_new_one_is_found() {
    let mut story = journey();
    open(&mut story, 1, false);
    open(&mut story, 1, false);
    story.breaks(Law::P1);
}

#[test]
fn a_view_beyond_what_is_permitted_is_found_unless_a_raise_may_have_come() {
    let mut story = journey();
    open(&mut story, 3, false);
    story.breaks(Law::P1);

    let mut story = journey();
    permit(&mut story, 3, false, None);
    open(&mut story, 3, false);
    story.keeps(Law::P1);
}

#[test]
fn a_view_after_an_acked_revocation_is_found() {
    let mut story = journey();
    permit(&mut story, 2, true, Some(2));
    open(&mut story, 1, false);
    story.breaks(Law::P1);

    let mut story = journey();
    permit(&mut story, 2, true, None);
    open(&mut story, 1, false);
    story.keeps(Law::P1);
}

#[test]
fn a_ledger_that_forgets_or_invents_is_found() {
    for (version, used) in [(1, 1), (2, 0), (2, 2)] {
        let mut story = journey();
        permit(&mut story, 2, false, Some(2));
        open(&mut story, 1, false);
        show(&mut story, version, used, false);
        story.breaks(Law::P1);
    }
}

#[test]
fn mail_that_stays_after_healing_is_found() {
    let mut story = journey();
    story.heal();
    show(&mut story, 1, 0, true);
    story.breaks(Law::P1);
}
