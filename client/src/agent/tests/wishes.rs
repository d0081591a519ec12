//! What an ended grant means for the next wish.

use cameo_common::peer::{AskOutcome, PeerRefusal};

use super::*;
use crate::agent::serve::Service;
use crate::vault::records::{Incoming, IncomingState};

fn ask(world: &World, id: u8) -> Result<AskOutcome, crate::agent::serve::Refusal> {
    let service = Service::new(world.core.clone());
    service.asked(&person("ada", OTHER), &wish(OTHER, ME, id), "")
}

fn state(world: &World, id: u8) -> IncomingState {
    let id = RequestId([id; 16]).to_string();
    let kept: Option<Incoming> = world.vault().get(&id).unwrap();
    kept.unwrap().state
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
async fn an_open_image_is_granted_to_whoever_asks_first() {
    let world = open_image(None);
    assert_eq!(ask(&world, 1).unwrap(), AskOutcome::Preparing);
    assert!(matches!(state(&world, 1), IncomingState::Approved(_)));
}

#[tokio::test]
async fn a_new_wish_after_a_revocation_waits_for_the_owner() {
    let world = open_image(Some(GrantOwned {
        revoked: true,
        ..owned(Stage::Settled)
    }));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting);
    assert_eq!(state(&world, 2), IncomingState::Waiting);
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting, "asked again");
}

#[tokio::test]
async fn a_new_wish_after_the_expiry_waits_for_the_owner() {
    let world = open_image(Some(GrantOwned {
        expires: Some(1),
        ..owned(Stage::Settled)
    }));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Waiting);
    assert_eq!(state(&world, 2), IncomingState::Waiting);
}

#[tokio::test]
async fn while_a_grant_lives_used_up_or_not_no_other_is_made() {
    let world = open_image(Some(owned(Stage::Settled)));
    let held = AskOutcome::Held(owned(Stage::Settled).grant);
    assert_eq!(ask(&world, 2).unwrap(), held);
}

#[tokio::test]
async fn what_never_came_into_the_ledger_is_nothing_that_a_viewer_holds() {
    let world = open_image(Some(owned(Stage::Carried)));
    assert_eq!(ask(&world, 2).unwrap(), AskOutcome::Preparing);
}

#[tokio::test]
async fn the_end_of_one_viewer_s_grant_is_nothing_to_another() {
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
