//! What a peer has refused for good is not sent again before it is wanted.

use super::*;
use crate::agent::outbox::{Due, begin_anew, failed, ready, try_now};
use crate::agent::serve::Service;
use crate::exit::{Exit, refused, unasked};
use crate::peer::AskError;
use crate::vault::records::{Attempts, Incoming, IncomingState};
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
    world
        .vault()
        .put(&IMAGE.to_string(), &image(Policy::Open))
        .unwrap();
    let incoming = Incoming {
        request: grant.request_id,
        viewer: grant.viewer.clone(),
        viewer_key: grant.viewer_key,
        image: IMAGE,
        asked: crate::vault::records::Asked::Photo(wish(OTHER, ME, 1)),
        note: String::new(),
        received: 1,
        state: IncomingState::Granted(grant.grant),
    };
    world
        .vault()
        .put(&grant.request_id.to_string(), &incoming)
        .unwrap();
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
