//! L9, and which laws are judged where nodes lie.

use super::story::{Story, Told, charged, granted, observed, terms};
use crate::verdict::Law;

/// Views that were charged one after the other, each with the parts of these nodes.
fn viewed(permitted: u32, views: &[&[u64]]) -> Story {
    let mut story = granted(permitted);
    for (view, nodes) in (1..).zip(views) {
        story.debit(view, charged(u32::from(view), 0));
        for node in *nodes {
            story.release(view, *node, Told::Ok(()));
        }
    }
    story
}

#[test]
fn without_liars_as_many_views_are_released_as_are_permitted() {
    viewed(2, &[&[1, 2], &[2, 3]]).keeps(Law::L9);
    viewed(1, &[&[1, 2], &[2, 3]]).breaks(Law::L9);
    // One part shows nothing.
    viewed(1, &[&[1, 2], &[3], &[3]]).keeps(Law::L9);
    viewed(1, &[&[1], &[2]]).leaves_open(Law::L9);
}

#[test]
fn a_view_that_is_released_again_counts_once() {
    viewed(1, &[&[1, 2, 3, 2, 1]]).keeps(Law::L9);
}

#[test]
fn raised_rights_permit_more_from_then_on() {
    let mut story = viewed(1, &[&[1, 2]]);
    story.put_ok(terms(2, 2, false)).debit(2, charged(2, 0));
    story
        .release(2, 1, Told::Ok(()))
        .release(2, 2, Told::Ok(()))
        .keeps(Law::L9);
    let mut story = viewed(1, &[&[1, 2], &[1, 2]]);
    story.put_ok(terms(2, 2, false)).breaks(Law::L9);
}

#[test]
fn one_liar_of_three_gets_no_more_than_twice_the_permitted_views() {
    // With the liar's part each honest one is a view.
    viewed(1, &[&[1], &[2]]).with_liars(&[3]).keeps(Law::L9);
    let mut story = viewed(1, &[&[1], &[2], &[1]]);
    story.with_liars(&[3]).breaks(Law::L9);
}

#[test]
fn where_a_disk_was_rolled_back_no_law_is_judged_that_rests_on_consensus() {
    let told_twice = || {
        let mut story = granted(2);
        let mut other = observed(1, 1, 1, 7);
        other.state = Some((7, super::story::hash(99)));
        story
            .observe(1, observed(1, 1, 1, 7))
            .observe(2, other)
            .with_liars(&[3]);
        story
    };
    told_twice().breaks(Law::D3);
    let mut rolled_back = told_twice();
    rolled_back.fault("rolled-back", true);
    let judged = rolled_back.judged();
    let laws: Vec<_> = judged.laws.iter().map(|report| report.law).collect();
    assert!(
        !laws.contains(&Law::D3) && laws.contains(&Law::L9),
        "{laws:?}"
    );
}
