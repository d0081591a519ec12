//! Requests of other users: policies, earlier grants, and limits.

use cameo_common::ids::Millis;
use cameo_common::peer::{AskOutcome, PeerRefusal};

use super::*;
use crate::agent::serve::Service;
use crate::agent::unasked::MAX_UNASKED;
use crate::vault::records::{Incoming, IncomingState};

fn ask(world: &World, id: u8) -> Result<AskOutcome, crate::agent::serve::Refusal> {
    let service = Service::new(world.core.clone());
    service.receive_request(&person("ada", OTHER), &signed_request(OTHER, ME, id), "")
}

fn state(world: &World, id: u8) -> IncomingState {
    let id = RequestId([id; 16]).to_string();
    let kept: Option<Incoming> = world.vault().get(&id).unwrap();
    kept.unwrap().state
}

/// A home with the image under the policy `ask`.
fn ask_image() -> World {
    let world = alone();
    let image = image(Policy::Ask);
    world.vault().put(&IMAGE.to_string(), &image).unwrap();
    world
}

/// Stores requests of a user, each for another image.
fn keep_many(world: &World, viewer: [u8; 32], count: u8, state: &IncomingState) {
    for number in 0..count {
        let mut id = [0xff; 16];
        id[0] = number;
        let incoming = Incoming {
            request: RequestId(id),
            viewer: "ada".parse().unwrap(),
            viewer_key: key(viewer).public(),
            image: ImageId(id),
            asked: RequestSubject::Photo(signed_request(viewer, ME, number)),
            note: String::new(),
            received: Millis(u64::from(number)),
            state: state.clone(),
        };
        let id = incoming.request.to_string();
        world.vault().put(&id, &incoming).unwrap();
    }
}

fn open_image(grant: Option<GrantOwned>) -> World {
    let world = alone();
    let image = image(Policy::Open);
    world.vault().put(&IMAGE.to_string(), &image).unwrap();
    if let Some(grant) = grant {
        world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    }
    world
}

#[tokio::test]
async fn the_first_request_for_an_open_image_is_approved() {
    let world = open_image(None);
    assert_eq!(ask(&world, 1).unwrap(), AskOutcome::Preparing);
    assert!(matches!(state(&world, 1), IncomingState::Approved(_)));
}

#[tokio::test]
async fn a_new_request_after_a_revocation_waits_for_the_owner() {
    let world = open_image(Some(GrantOwned {
        revoked: true,
        ..owned(Stage::Settled)
    }));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting);
    assert_eq!(state(&world, 2), IncomingState::Waiting);
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting, "asked again");
}

#[tokio::test]
async fn a_new_request_after_the_expiry_waits_for_the_owner() {
    let world = open_image(Some(GrantOwned {
        expires: Some(Millis(1)),
        ..owned(Stage::Settled)
    }));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting);
    assert_eq!(state(&world, 2), IncomingState::Waiting);
}

#[tokio::test]
async fn while_a_grant_is_live_no_other_is_made() {
    let world = open_image(Some(owned(Stage::Settled)));
    let held = AskOutcome::Held(owned(Stage::Settled).grant);
    assert_eq!(ask(&world, 2).unwrap(), held);
}

#[tokio::test]
async fn a_grant_that_was_not_recorded_does_not_count_as_held() {
    let world = open_image(Some(owned(Stage::CarrierReady)));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Preparing);
}

#[tokio::test]
async fn the_end_of_one_viewer_s_grant_does_not_affect_another() {
    let world = open_image(Some(GrantOwned {
        revoked: true,
        viewer_key: key(STRANGER).public(),
        ..owned(Stage::Settled)
    }));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Preparing);
}

#[tokio::test]
async fn a_revoked_grant_is_not_sent_again() {
    let world = open_image(None);
    ask(&world, 1).unwrap();
    let grant = GrantOwned {
        revoked: true,
        ..owned(Stage::Delivered)
    };
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    let id = grant.request_id.to_string();
    change::<Incoming>(world.vault(), &id, |incoming| {
        incoming.state = IncomingState::Granted(grant.grant);
    })
    .unwrap();
    let refusal = ask(&world, 1).unwrap_err();
    assert_eq!(refusal.code, PeerRefusal::Closed);
    assert_eq!(world.owned(grant.grant).stage, Stage::Delivered);
}

#[tokio::test]
async fn the_newest_request_replaces_an_open_or_failed_one() {
    let failed = |told| IncomingState::Failed {
        why: "lost".into(),
        told,
    };
    for (state_before, heard) in [
        (IncomingState::Waiting, false),
        (failed(false), false),
        (failed(true), true),
    ] {
        let world = ask_image();
        ask(&world, 1).unwrap();
        let id = RequestId([1; 16]).to_string();
        change::<Incoming>(world.vault(), &id, |kept| kept.state = state_before).unwrap();
        assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting);
        let IncomingState::Denied { told, .. } = state(&world, 1) else {
            panic!("{:?}", state(&world, 1))
        };
        assert_eq!(told, heard);
    }
}

#[tokio::test]
async fn while_a_carrier_is_prepared_a_second_request_is_refused() {
    let world = open_image(None);
    ask(&world, 1).unwrap();
    assert_eq!(ask(&world, 2).unwrap_err().code, PeerRefusal::TooMany);
    assert_eq!(ask(&world, 1).unwrap(), AskOutcome::Preparing);
}

#[tokio::test]
async fn one_viewer_s_requests_do_not_block_others() {
    let world = ask_image();
    keep_many(&world, OTHER, 200, &IncomingState::Waiting);
    assert_eq!(ask(&world, 201).unwrap_err().code, PeerRefusal::TooMany);
    let service = Service::new(world.core.clone());
    let asked = service.receive_request(
        &person("cleo", STRANGER),
        &signed_request(STRANGER, ME, 202),
        "",
    );
    assert_eq!(asked.unwrap(), AskOutcome::Waiting);
}

#[tokio::test]
async fn the_oldest_ended_request_is_removed_for_a_new_one() {
    let world = ask_image();
    let why = "lost".to_owned();
    keep_many(
        &world,
        OTHER,
        200,
        &IncomingState::Failed { why, told: false },
    );
    assert_eq!(ask(&world, 201).unwrap(), AskOutcome::Waiting);
    let kept = world.vault().list::<Incoming>().unwrap();
    let oldest = kept.iter().map(|(_, incoming)| incoming.received).min();
    assert_eq!((kept.len(), oldest), (200, Some(Millis(1))));
}

#[tokio::test]
async fn a_repeated_answer_of_an_owner_causes_no_notice() {
    let world = alone();
    let ours = |state| Outgoing {
        request: RequestId([7; 16]),
        owner: "ada".parse().unwrap(),
        owner_key: key(OTHER).public(),
        image: IMAGE,
        title: String::new(),
        signed: signed_request(ME, OTHER, 7),
        note: String::new(),
        asked_at: Millis(1),
        state,
    };
    let grant = GrantId([8; 32]);
    for (state, news) in [
        (OutgoingState::Preparing, true),
        (OutgoingState::Failed, false),
        (OutgoingState::Denied("no".into()), false),
        (OutgoingState::Arrived(grant), false),
    ] {
        let mut notices = world.core.notices.listen();
        let outgoing = ours(state);
        let id = outgoing.request.to_string();
        world.vault().put(&id, &outgoing).unwrap();
        let service = Service::new(world.core.clone());
        service
            .record_failure(&person("ada", OTHER), &outgoing.request)
            .unwrap();
        assert_eq!(notices.try_recv().is_ok(), news, "{:?}", outgoing.state);
    }
}

/// Stores requests of as many users for the open image, which the agent has approved this long ago.
fn keep_approved(world: &World, count: usize, ago: Duration) {
    for number in (0..).take(count) {
        let incoming = Incoming {
            request: RequestId([number; 16]),
            viewer: "cleo".parse().unwrap(),
            viewer_key: key([number + 100; 32]).public(),
            image: IMAGE,
            asked: RequestSubject::Photo(signed_request([number + 100; 32], ME, number)),
            note: String::new(),
            received: crate::clock::now().minus(ago),
            state: IncomingState::Approved(image(Policy::Open).terms),
        };
        let id = incoming.request.to_string();
        world.vault().put(&id, &incoming).unwrap();
    }
}

#[tokio::test]
async fn attack_many_names_do_not_have_carriers_made_without_end() {
    // given an open image that was promised to as many users today as are not asked about
    let world = open_image(None);
    keep_approved(&world, MAX_UNASKED, Duration::ZERO);
    // when one more user requests it
    assert_eq!(ask(&world, 201).unwrap(), AskOutcome::Waiting);
    // then the owner decides
    assert_eq!(state(&world, 201), IncomingState::Waiting);
    // and where one fewer was promised, or one of them a day ago, nobody is asked
    let world = open_image(None);
    keep_approved(&world, MAX_UNASKED - 1, Duration::ZERO);
    assert_eq!(ask(&world, 201).unwrap(), AskOutcome::Preparing);
    let world = open_image(None);
    keep_approved(&world, MAX_UNASKED, Duration::from_secs(25 * 3_600));
    assert_eq!(ask(&world, 201).unwrap(), AskOutcome::Preparing);
}

#[tokio::test]
async fn attack_carriers_that_were_made_today_count_as_well() {
    let world = open_image(None);
    for number in (0..).take(MAX_UNASKED) {
        let grant = GrantOwned {
            grant: GrantId([number; 32]),
            viewer_key: key([number + 100; 32]).public(),
            created: crate::clock::now(),
            ..owned(Stage::Settled)
        };
        world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    }
    // `owned` is a grant to the user who asks: it is not among these
    assert_eq!(ask(&world, 201).unwrap(), AskOutcome::Waiting);
}
