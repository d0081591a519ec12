//! Received rights: accepted only with the owner's signature, from the owner and from the ledger.

use cameo_common::api::{Event, EventKind};
use cameo_common::ids::Millis;

use super::*;
use crate::agent::events::process;
use crate::agent::received_rights::acknowledge;
use crate::flows::notices::Notice;
use crate::flows::receive::{
    ReceivedRightsError, RightsEffect, store_rights_of_ledger, store_rights_of_owner,
};

fn held() -> GrantHeld {
    let grant = GrantId([21; 32]);
    GrantHeld {
        grant,
        image: IMAGE,
        owner: "ada".parse().unwrap(),
        owner_key: key(OTHER).public(),
        request_id: RequestId([1; 16]),
        title: String::new(),
        manifest: Signed::from_bytes(vec![1]),
        codec_key: Secret::new([4; 32]),
        carrier: Hash([5; 32]),
        rights: rights(OTHER, grant, 1),
        version: 1,
        confirmed: 1,
        acknowledged: 1,
        used: 0,
        received: Millis(0),
        media_type: None,
    }
}

fn world_with(held: &GrantHeld) -> World {
    let world = alone();
    world.vault().put(&held.grant.to_string(), held).unwrap();
    world
}

#[tokio::test]
async fn attack_older_rights_from_the_owner_are_ignored() {
    let held = held();
    let world = world_with(&held);
    let newer = rights(OTHER, held.grant, 3);
    let taken = store_rights_of_owner(world.vault(), &held.grant, &newer).unwrap();
    assert_eq!(taken, RightsEffect::Newer);
    let older = rights(OTHER, held.grant, 2);
    let taken = store_rights_of_owner(world.vault(), &held.grant, &older).unwrap();
    assert_eq!(taken, RightsEffect::Known);
    let kept = world.held(held.grant).unwrap();
    assert_eq!((kept.version, kept.rights), (3, newer));
}

#[tokio::test]
async fn attack_rights_that_are_not_the_owners_change_nothing() {
    let held = held();
    let mut forged = rights(OTHER, held.grant, 9).as_bytes().to_vec();
    forged[5] ^= 1;
    for (what, bad) in [
        ("forged", Signed::from_bytes(forged)),
        ("no statement", Signed::from_bytes(vec![0; 80])),
        ("a stranger's", rights(STRANGER, held.grant, 9)),
        ("the viewer's own", rights(ME, held.grant, 9)),
        ("another grant's", rights(OTHER, GrantId([8; 32]), 9)),
    ] {
        let world = world_with(&held);
        let error = store_rights_of_owner(world.vault(), &held.grant, &bad).unwrap_err();
        assert!(
            matches!(error, ReceivedRightsError::NotTheOwner),
            "{what}: {error}"
        );
        // Rights from the ledger need the owner's signature too.
        let confirmed = store_rights_of_ledger(world.vault(), &held.grant, &bad).unwrap();
        assert!(!confirmed, "{what}");
        assert_eq!(world.held(held.grant).unwrap(), held, "{what}");
    }
}

/// The notices of rights so far, as version and whether the ledger has them.
fn notices_of_rights(notices: &mut tokio::sync::broadcast::Receiver<Notice>) -> Vec<(u64, bool)> {
    let mut found = Vec::new();
    while let Ok(notice) = notices.try_recv() {
        if let Notice::Rights {
            version, confirmed, ..
        } = notice
        {
            found.push((version, confirmed));
        }
    }
    found
}

async fn receive_event(world: &World, rights: &Signed<Rights>) {
    let kind = EventKind::Rights {
        grant: held().grant,
        rights: rights.clone(),
    };
    let event = Event {
        sequence: 1,
        at: Millis(1),
        kind,
    };
    process(&world.core, &event).await.unwrap();
}

#[tokio::test]
async fn rights_from_owner_and_ledger_cause_one_notice() {
    let held = held();
    let world = world_with(&held);
    let mut notices = world.core.notices.listen();

    // The same rights from the ledger and from the owner cause one notice,
    let newer = rights(OTHER, held.grant, 2);
    receive_event(&world, &newer).await;
    store_rights_of_owner(world.vault(), &held.grant, &newer).unwrap();
    acknowledge(&world.core, &held.grant).await;
    assert_eq!(notices_of_rights(&mut notices), [(2, true)]);

    // and the next ones another.
    receive_event(&world, &rights(OTHER, held.grant, 3)).await;
    assert_eq!(notices_of_rights(&mut notices), [(3, true)]);
}

#[tokio::test]
async fn the_confirmation_by_the_ledger_causes_another_notice() {
    let held = held();
    let world = world_with(&held);
    let mut notices = world.core.notices.listen();
    let newer = rights(OTHER, held.grant, 2);
    store_rights_of_owner(world.vault(), &held.grant, &newer).unwrap();
    acknowledge(&world.core, &held.grant).await;
    receive_event(&world, &newer).await;
    receive_event(&world, &newer).await;
    assert_eq!(notices_of_rights(&mut notices), [(2, false), (2, true)]);
}
