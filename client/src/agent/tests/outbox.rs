//! What a peer has refused for good is not sent again before it is wanted; what has failed is told.

use super::*;
use crate::agent::outbox::{AttemptError, begin_anew, failed, is_told, ready, try_now};
use crate::agent::serve::Service;
use crate::cluster_api::ClusterError;
use crate::flows::LedgerError;
use crate::flows::outbox::Due;
use crate::flows::request::answered;
use crate::flows::share::ShareError;
use crate::peer::{AskError, TalkError};
use crate::vault::VaultError;
use crate::vault::records::{Attempts, IncomingState, OutboxKey};
use cameo_common::ids::Millis;
use cameo_common::peer::{AskOutcome, PeerRefusal};

fn with_grant(grant: &GrantOwned) -> (World, Due) {
    let world = alone();
    world.vault().put(&grant.grant.to_string(), grant).unwrap();
    let (mut things, _) = ready(&world.core).unwrap();
    let thing = things.pop().unwrap();
    (world, thing)
}

fn no(code: PeerRefusal) -> AttemptError {
    let message = "no".to_owned();
    TalkError::Refused { code, message }.of("ada").into()
}

fn unasked(error: AskError) -> AttemptError {
    TalkError::from(error).of("ada").into()
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
    keep_request(&world, IncomingState::Granted(grant.grant));
    let service = Service::new(world.core.clone());
    let asked = service.asked(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
    assert_eq!(asked.unwrap(), AskOutcome::Preparing);
    assert_eq!(left(&world), NOW);
}

#[tokio::test]
async fn who_is_away_or_busy_or_at_another_s_address_is_tried_again() {
    for error in [
        no(PeerRefusal::TooMany),
        no(PeerRefusal::Failed),
        unasked(AskError::Busy),
        unasked(AskError::WrongIdentity),
        LedgerError::from(ClusterError::NoQuorum).into(),
    ] {
        let (world, thing) = with_grant(&owned(Stage::Recorded));
        // The first pauses are short enough to be over before anybody looks.
        let attempts = Attempts {
            key: thing.key,
            count: 5,
            next: Millis(0),
            last_error: String::new(),
        };
        world.vault().put(&thing.key.id(), &attempts).unwrap();
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
    keep_request(&world, IncomingState::Approved(image(Policy::Open).terms));
    let (things, _) = ready(&world.core).unwrap();
    let lost = ShareError::NoSuchImage.into();
    failed(&world.core, &things[0], &lost).await.unwrap();

    let request = RequestId([1; 16]);
    let (things, _) = ready(&world.core).unwrap();
    let [telling] = things.as_slice() else {
        panic!("{things:?}")
    };
    assert_eq!(telling.key, OutboxKey::Denied(request));
    assert_eq!(telling.peer, Some("ada".parse().unwrap()));
    is_told(world.vault(), request, &state(&world)).unwrap();
    assert_eq!(left(&world), NOTHING);

    // A viewer who asks for it once more does not know it.
    let service = Service::new(world.core.clone());
    let asked = service.asked(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
    assert_eq!(asked.unwrap_err().code, PeerRefusal::Failed);
    assert_eq!(left(&world), NOW);
}

fn state(world: &World) -> IncomingState {
    let id = RequestId([1; 16]).to_string();
    world.vault().get::<Incoming>(&id).unwrap().unwrap().state
}

/// A request that has failed, and what is to be told of it.
fn with_failed_request() -> (World, Due) {
    let world = alone();
    let why = "lost".to_owned();
    keep_request(&world, IncomingState::Failed { why, told: false });
    let (mut things, _) = ready(&world.core).unwrap();
    let thing = things.pop().unwrap();
    (world, thing)
}

/// How often it is tried before it is given up; at most a hundred times.
async fn tries(world: &World, thing: &Due, error: &AttemptError) -> usize {
    for tries in 0..100 {
        if left(world) == NOTHING {
            return tries;
        }
        failed(&world.core, thing, error).await.unwrap();
    }
    100
}

#[tokio::test]
async fn an_agent_that_does_not_understand_a_no_is_not_told_for_ever() {
    let (world, thing) = with_failed_request();
    let error = unasked(AskError::Protocol("malformed".into()));
    let tries = tries(&world, &thing, &error).await;
    assert!((2..100).contains(&tries), "{tries}");
}

#[tokio::test]
async fn a_no_that_did_not_come_through_for_another_reason_is_told_again_and_again() {
    for error in [
        no(PeerRefusal::Failed),
        no(PeerRefusal::TooMany),
        TalkError::UnreadAddress("nowhere".into()).of("ada").into(),
        VaultError::Io {
            action: "write",
            path: "record".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        }
        .into(),
        VaultError::NoRandomness.into(),
    ] {
        let (world, thing) = with_failed_request();
        assert_eq!(tries(&world, &thing, &error).await, 100, "{error:?}");
        assert_eq!(left(&world), LATER, "{error:?}");
    }
}

#[tokio::test]
async fn a_viewer_who_refuses_a_no_has_not_heard_it() {
    for code in [PeerRefusal::NotAccepted, PeerRefusal::IdentityChanged] {
        let (world, thing) = with_failed_request();
        assert!(tries(&world, &thing, &no(code)).await < 100);
        let IncomingState::Failed { told, .. } = state(&world) else {
            panic!("{:?}", state(&world))
        };
        assert!(!told, "{code:?}");
        // He is told when he asks,
        let service = Service::new(world.core.clone());
        let asked = service.asked(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
        assert_eq!(asked.unwrap_err().code, PeerRefusal::Failed);
        assert_eq!(left(&world), NOW, "{code:?}");
        // and when the agent is started anew.
        assert!(tries(&world, &thing, &no(code)).await < 100);
        begin_anew(world.vault()).unwrap();
        assert_eq!(left(&world), NOW, "{code:?}");
    }
}

#[tokio::test]
async fn a_failure_that_was_told_while_the_owner_said_no_does_not_hide_the_no() {
    let (world, _) = with_failed_request();
    let said = state(&world);
    let reason = "on second thought".to_owned();
    let denied = IncomingState::Denied {
        reason,
        told: false,
    };
    keep_request(&world, denied.clone());
    is_told(world.vault(), RequestId([1; 16]), &said).unwrap();
    assert_eq!(state(&world), denied);
}

#[tokio::test]
async fn rights_that_were_signed_while_older_ones_were_refused_are_sent() {
    for stage in [Stage::Recorded, Stage::Settled] {
        let older = GrantOwned {
            version: 2,
            acknowledged: 1,
            ..owned(stage)
        };
        let (world, thing) = with_grant(&older);
        let newer = GrantOwned {
            version: 3,
            ..older
        };
        world.vault().put(&newer.grant.to_string(), &newer).unwrap();
        failed(&world.core, &thing, &no(PeerRefusal::NotAccepted))
            .await
            .unwrap();
        assert_eq!(left(&world), NOW);
    }
}

#[tokio::test]
async fn an_owner_s_denial_of_a_request_that_is_asked_again_is_its_end() {
    let refused = |code| {
        let message = "what was granted has ended".into();
        Err(TalkError::Refused { code, message })
    };
    let ended = |asked| {
        let world = alone();
        let outgoing = ask_ada(&world);
        answered(world.vault(), &outgoing, &asked).unwrap();
        world.outgoing(outgoing.request).state
    };
    for code in [PeerRefusal::Closed, PeerRefusal::NoSuchImage] {
        let why = "what was granted has ended".to_owned();
        assert_eq!(ended(refused(code)), OutgoingState::Denied(why));
    }
    let elsewhere = ended(Ok(AskOutcome::Held(GrantId([8; 32]))));
    assert!(matches!(elsewhere, OutgoingState::Denied(_)));
    // These say nothing about the request.
    for code in [PeerRefusal::Failed, PeerRefusal::TooMany] {
        assert_eq!(ended(refused(code)), OutgoingState::Preparing);
    }
}

/// A request of ours that its owner has taken up.
fn ask_ada(world: &World) -> Outgoing {
    let signed = signed_request(ME, OTHER, 7);
    let outgoing = Outgoing {
        request: RequestId([7; 16]),
        owner: "ada".parse().unwrap(),
        owner_key: key(OTHER).public(),
        image: IMAGE,
        title: String::new(),
        signed,
        note: String::new(),
        asked_at: Millis(1),
        state: OutgoingState::Preparing,
    };
    world
        .vault()
        .put(&outgoing.request.to_string(), &outgoing)
        .unwrap();
    outgoing
}
