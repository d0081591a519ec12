//! What a peer has refused for good is not sent again before it is wanted; what has failed is told.

use super::*;
use crate::agent::outbox::{Due, begin_anew, failed, is_told, ready, try_now};
use crate::agent::serve::Service;
use crate::exit::{Exit, refused, unasked};
use crate::peer::AskError;
use crate::vault::records::{Attempts, IncomingState, OutboxKey};
use cameo_common::peer::{AskOutcome, PeerRefusal};

fn with_grant(grant: &GrantOwned) -> (World, Due) {
    let world = alone();
    world.vault().put(&grant.grant.to_string(), grant).unwrap();
    let (mut things, _) = ready(&world.core).unwrap();
    let thing = things.pop().unwrap();
    (world, thing)
}

fn no(code: PeerRefusal) -> Failure {
    refused("ada", code, "no")
}

/// What is to be done now, and whether anything is to be looked for later.
fn left(world: &World) -> (usize, bool) {
    let (things, waiting) = ready(&world.core).unwrap();
    (things.len(), waiting)
}

const NOTHING: (usize, bool) = (0, false);
const LATER: (usize, bool) = (0, true);
const NOW: (usize, bool) = (1, true);

#[tokio::test]
async fn a_carrier_that_was_refused_for_good_is_not_sent_again() {
    let (world, thing) = with_grant(&owned(Stage::Recorded));
    failed(&world.core, &thing, &no(PeerRefusal::NotAccepted))
        .await
        .unwrap();
    assert_eq!(left(&world), NOTHING);
    // Not though the viewer is heard of for something else,
    try_now(&world.core, &"ada".parse().unwrap()).unwrap();
    assert_eq!(left(&world), NOTHING);
    // but when the agent is started anew.
    begin_anew(world.vault()).unwrap();
    assert_eq!(left(&world), NOW);
}

#[tokio::test]
async fn a_viewer_who_asks_again_is_sent_what_he_refused() {
    let grant = owned(Stage::Recorded);
    let (world, thing) = with_grant(&grant);
    failed(&world.core, &thing, &no(PeerRefusal::NotAccepted))
        .await
        .unwrap();
    keep_wish(&world, IncomingState::Granted(grant.grant));
    let service = Service::new(world.core.clone());
    let asked = service.asked(&person("ada", OTHER), &wish(OTHER, ME, 1), "");
    assert_eq!(asked.unwrap(), AskOutcome::Preparing);
    assert_eq!(left(&world), NOW);
}

#[tokio::test]
async fn who_is_away_or_busy_or_at_another_s_address_is_tried_again() {
    for error in [
        no(PeerRefusal::TooMany),
        no(PeerRefusal::Failed),
        unasked("ada", &AskError::Busy),
        unasked("ada", &AskError::WrongIdentity),
        Failure::new(Exit::NoQuorum, "no_quorum", "away"),
    ] {
        let (world, thing) = with_grant(&owned(Stage::Recorded));
        failed(&world.core, &thing, &error).await.unwrap();
        assert_eq!(left(&world), LATER, "{error:?}");
        try_now(&world.core, &"ada".parse().unwrap()).unwrap();
        assert_eq!(left(&world), NOW, "{error:?}");
    }
}

#[tokio::test]
async fn rights_to_a_grant_that_a_viewer_has_not_are_left_to_the_ledger() {
    let newer = GrantOwned {
        version: 2,
        acknowledged: 1,
        ..owned(Stage::Settled)
    };
    let (world, thing) = with_grant(&newer);
    failed(&world.core, &thing, &no(PeerRefusal::NoSuchGrant))
        .await
        .unwrap();
    assert_eq!(left(&world), NOTHING);
    assert!(world.vault().list::<Attempts>().unwrap()[0].1.are_over());
}

#[tokio::test]
async fn a_viewer_is_told_that_his_photo_could_not_be_made_until_he_knows() {
    let world = alone();
    keep_wish(&world, IncomingState::Approved(image(Policy::Open).terms));
    let (things, _) = ready(&world.core).unwrap();
    let lost = Failure::not_found("the photo is missing from the home");
    failed(&world.core, &things[0], &lost).await.unwrap();

    let request = RequestId([1; 16]);
    let (things, _) = ready(&world.core).unwrap();
    let [telling] = things.as_slice() else {
        panic!("{things:?}")
    };
    assert_eq!(telling.key, OutboxKey::Denied(request));
    assert_eq!(telling.peer, Some("ada".parse().unwrap()));
    is_told(world.vault(), request).unwrap();
    assert_eq!(left(&world), NOTHING);

    // A viewer who asks for it once more does not know it.
    let service = Service::new(world.core.clone());
    let asked = service.asked(&person("ada", OTHER), &wish(OTHER, ME, 1), "");
    assert_eq!(asked.unwrap_err().code, PeerRefusal::Failed);
    assert_eq!(left(&world), NOW);
}

#[tokio::test]
async fn an_agent_that_does_not_understand_a_no_is_not_told_for_ever() {
    let world = alone();
    let why = "lost".to_owned();
    keep_wish(&world, IncomingState::Failed { why, told: false });
    let (things, _) = ready(&world.core).unwrap();
    let error = unasked("ada", &AskError::Protocol("malformed".into()));
    let mut tellings = 0;
    while left(&world) != NOTHING {
        failed(&world.core, &things[0], &error).await.unwrap();
        tellings += 1;
        assert!(tellings <= 100);
    }
    assert!(tellings > 1);
}
