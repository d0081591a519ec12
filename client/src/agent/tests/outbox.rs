//! The outbox: items that are given up, retried, and reported to viewers.

use super::*;
use crate::agent::outbox::{
    AttemptError, mark_told, ready, record_failed_attempt, retry_given_up, retry_now,
};
use crate::agent::serve::Service;
use crate::cluster_api::ClusterError;
use crate::flows::LedgerError;
use crate::flows::outbox::Due;
use crate::flows::request::store_answer;
use crate::flows::rights::{Confirmations, RightsError};
use crate::flows::share::ShareError;
use crate::peer::{AskError, CallError};
use crate::vault::VaultError;
use crate::vault::records::{Attempts, IncomingState, OutboxKey, UnconfirmedEnding};
use cameo_common::ids::Millis;
use cameo_common::peer::{AskOutcome, PeerRefusal};

fn with_grant(grant: &GrantOwned) -> (World, Due) {
    let world = alone();
    world.vault().put(&grant.grant.to_string(), grant).unwrap();
    let (mut items, _) = ready(&world.core).unwrap();
    let item = items.pop().unwrap();
    (world, item)
}

fn no(code: PeerRefusal) -> AttemptError {
    let message = "no".to_owned();
    CallError::Refused { code, message }.of("ada").into()
}

fn call_error(error: AskError) -> AttemptError {
    CallError::from(error).of("ada").into()
}

/// The number of items due now, and whether any is scheduled.
fn left(world: &World) -> (usize, bool) {
    let (items, waiting) = ready(&world.core).unwrap();
    (items.len(), waiting)
}

const NOTHING: (usize, bool) = (0, false);
const LATER: (usize, bool) = (0, true);
const NOW: (usize, bool) = (1, true);

#[tokio::test]
async fn a_definitely_refused_carrier_is_not_sent_again_before_a_restart() {
    let (world, item) = with_grant(&owned(Stage::Recorded));
    record_failed_attempt(&world.core, &item, &no(PeerRefusal::NotAccepted))
        .await
        .unwrap();
    assert_eq!(left(&world), NOTHING);
    // Contact with the viewer does not change that,
    retry_now(&world.core, &"ada".parse().unwrap()).unwrap();
    assert_eq!(left(&world), NOTHING);
    // but a restart of the agent does.
    retry_given_up(world.vault()).unwrap();
    assert_eq!(left(&world), NOW);
}

#[tokio::test]
async fn a_repeated_request_sends_a_refused_carrier_again() {
    let grant = owned(Stage::Recorded);
    let (world, item) = with_grant(&grant);
    record_failed_attempt(&world.core, &item, &no(PeerRefusal::NotAccepted))
        .await
        .unwrap();
    keep_request(&world, IncomingState::Granted(grant.grant));
    world
        .vault()
        .put_blob(GrantOwned::CARRIERS, &grant.blob(), b"a carrier")
        .unwrap();
    let service = Service::new(world.core.clone());
    let asked = service.receive_request(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
    assert_eq!(asked.unwrap(), AskOutcome::Preparing);
    assert_eq!(left(&world), NOW);
}

#[tokio::test]
async fn an_absent_busy_or_moved_peer_is_tried_again() {
    for error in [
        no(PeerRefusal::TooMany),
        no(PeerRefusal::Failed),
        call_error(AskError::Busy),
        call_error(AskError::WrongIdentity),
        LedgerError::from(ClusterError::NoQuorum).into(),
    ] {
        let (world, item) = with_grant(&owned(Stage::Recorded));
        // Five attempts, so that the pause is not over before the test checks.
        let attempts = Attempts {
            key: item.key,
            count: 5,
            next: Millis(0),
            last_error: String::new(),
        };
        world.vault().put(&item.key.id(), &attempts).unwrap();
        record_failed_attempt(&world.core, &item, &error)
            .await
            .unwrap();
        assert_eq!(left(&world), LATER, "{error:?}");
        retry_now(&world.core, &"ada".parse().unwrap()).unwrap();
        assert_eq!(left(&world), NOW, "{error:?}");
    }
}

#[tokio::test]
async fn rights_are_given_up_if_the_viewer_does_not_have_the_grant() {
    let newer = GrantOwned {
        version: 2,
        acknowledged: 1,
        ..owned(Stage::Settled)
    };
    let (world, item) = with_grant(&newer);
    record_failed_attempt(&world.core, &item, &no(PeerRefusal::NoSuchGrant))
        .await
        .unwrap();
    assert_eq!(left(&world), NOTHING);
    assert!(world.vault().list::<Attempts>().unwrap()[0].1.is_given_up());
}

#[tokio::test]
async fn an_ending_that_too_few_nodes_have_confirmed_is_due_until_enough_have() {
    let world = alone();
    let grant = GrantId([1; 32]);
    let ending = UnconfirmedEnding { grant, version: 2 };
    world.vault().put(&grant.to_string(), &ending).unwrap();
    let (items, _) = ready(&world.core).unwrap();
    assert_eq!(items, [Due::for_cluster(OutboxKey::Confirm(grant))]);
    let few = Confirmations {
        confirmed: 1,
        needed: 2,
        holders: 3,
    };
    // However often it fails, it stays.
    for _ in 0..30 {
        record_failed_attempt(
            &world.core,
            &items[0],
            &RightsError::Unconfirmed(few).into(),
        )
        .await
        .unwrap();
        assert_eq!(left(&world), LATER);
    }
    world
        .vault()
        .delete::<UnconfirmedEnding>(&grant.to_string())
        .unwrap();
    assert_eq!(left(&world), NOTHING);
}

#[tokio::test]
async fn a_failure_is_sent_to_the_viewer_until_it_is_acknowledged() {
    let world = alone();
    keep_request(&world, IncomingState::Approved(image(Policy::Open).terms));
    let (items, _) = ready(&world.core).unwrap();
    let lost = ShareError::NoSuchImage.into();
    record_failed_attempt(&world.core, &items[0], &lost)
        .await
        .unwrap();

    let request = RequestId([1; 16]);
    let (items, _) = ready(&world.core).unwrap();
    let [telling] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(telling.key, OutboxKey::Denied(request));
    assert_eq!(telling.peer, Some("ada".parse().unwrap()));
    mark_told(world.vault(), request, &state(&world)).unwrap();
    assert_eq!(left(&world), NOTHING);

    // A viewer who repeats the request has not received it.
    let service = Service::new(world.core.clone());
    let asked = service.receive_request(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
    assert_eq!(asked.unwrap_err().code, PeerRefusal::Failed);
    assert_eq!(left(&world), NOW);
}

fn state(world: &World) -> IncomingState {
    let id = RequestId([1; 16]).to_string();
    world.vault().get::<Incoming>(&id).unwrap().unwrap().state
}

/// A failed request, and the item that reports it.
fn with_failed_request() -> (World, Due) {
    let world = alone();
    let why = "lost".to_owned();
    keep_request(&world, IncomingState::Failed { why, told: false });
    let (mut items, _) = ready(&world.core).unwrap();
    let item = items.pop().unwrap();
    (world, item)
}

/// The number of attempts before an item is given up; at most a hundred.
async fn tries(world: &World, item: &Due, error: &AttemptError) -> usize {
    for tries in 0..100 {
        if left(world) == NOTHING {
            return tries;
        }
        record_failed_attempt(&world.core, item, error)
            .await
            .unwrap();
    }
    100
}

#[tokio::test]
async fn a_refusal_that_an_agent_cannot_read_is_given_up() {
    let (world, item) = with_failed_request();
    let error = call_error(AskError::Protocol("malformed".into()));
    let tries = tries(&world, &item, &error).await;
    assert!((2..100).contains(&tries), "{tries}");
}

#[tokio::test]
async fn a_refusal_that_failed_for_another_reason_is_repeated() {
    for error in [
        no(PeerRefusal::Failed),
        no(PeerRefusal::TooMany),
        CallError::UnreadableAddress("nowhere".into())
            .of("ada")
            .into(),
        VaultError::Io {
            action: "write",
            path: "record".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        }
        .into(),
        VaultError::NoRandomness.into(),
    ] {
        let (world, item) = with_failed_request();
        assert_eq!(tries(&world, &item, &error).await, 100, "{error:?}");
        assert_eq!(left(&world), LATER, "{error:?}");
    }
}

#[tokio::test]
async fn a_rejected_refusal_counts_as_not_told() {
    for code in [PeerRefusal::NotAccepted, PeerRefusal::IdentityChanged] {
        let (world, item) = with_failed_request();
        assert!(tries(&world, &item, &no(code)).await < 100);
        let IncomingState::Failed { told, .. } = state(&world) else {
            panic!("{:?}", state(&world))
        };
        assert!(!told, "{code:?}");
        // It is sent again when the viewer repeats the request,
        let service = Service::new(world.core.clone());
        let asked =
            service.receive_request(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
        assert_eq!(asked.unwrap_err().code, PeerRefusal::Failed);
        assert_eq!(left(&world), NOW, "{code:?}");
        // and after a restart of the agent.
        assert!(tries(&world, &item, &no(code)).await < 100);
        retry_given_up(world.vault()).unwrap();
        assert_eq!(left(&world), NOW, "{code:?}");
    }
}

#[tokio::test]
async fn a_denial_is_sent_though_an_earlier_failure_was_told() {
    let (world, _) = with_failed_request();
    let said = state(&world);
    let reason = "on second thought".to_owned();
    let denied = IncomingState::Denied {
        reason,
        told: false,
    };
    keep_request(&world, denied.clone());
    mark_told(world.vault(), RequestId([1; 16]), &said).unwrap();
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
        let (world, item) = with_grant(&older);
        let newer = GrantOwned {
            version: 3,
            ..older
        };
        world.vault().put(&newer.grant.to_string(), &newer).unwrap();
        record_failed_attempt(&world.core, &item, &no(PeerRefusal::NotAccepted))
            .await
            .unwrap();
        assert_eq!(left(&world), NOW);
    }
}

#[tokio::test]
async fn an_owner_s_denial_ends_a_repeated_request() {
    let refused = |code| {
        let message = "what was granted has ended".into();
        Err(CallError::Refused { code, message })
    };
    let ended = |asked| {
        let world = alone();
        let outgoing = ask_ada(&world);
        store_answer(world.vault(), &outgoing, &asked).unwrap();
        world.outgoing(outgoing.request).state
    };
    for code in [PeerRefusal::Closed, PeerRefusal::NoSuchImage] {
        let why = "what was granted has ended".to_owned();
        assert_eq!(ended(refused(code)), OutgoingState::Denied(why));
    }
    let elsewhere = ended(Ok(AskOutcome::Held(GrantId([8; 32]))));
    assert!(matches!(elsewhere, OutgoingState::Denied(_)));
    // These errors do not end the request.
    for code in [PeerRefusal::Failed, PeerRefusal::TooMany] {
        assert_eq!(ended(refused(code)), OutgoingState::Preparing);
    }
}

/// A request of the home's user that the owner has received.
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
