//! Rights are taken from their owner alone, whichever way they come.

use super::*;
use crate::agent::inbox::{Taken, confirm, take};

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
        received: 0,
    }
}

fn world_with(held: &GrantHeld) -> World {
    let world = alone();
    world.vault().put(&held.grant.to_string(), held).unwrap();
    world
}

#[tokio::test]
async fn the_owner_s_newer_rights_are_taken_and_never_go_back() {
    let held = held();
    let world = world_with(&held);
    let newer = rights(OTHER, held.grant, 3);
    let taken = take(world.vault(), &held.grant, &newer).unwrap();
    assert_eq!(taken, Taken::Newer);
    let older = rights(OTHER, held.grant, 2);
    let taken = take(world.vault(), &held.grant, &older).unwrap();
    assert_eq!(taken, Taken::Known);
    let kept = world.held(held.grant).unwrap();
    assert_eq!((kept.version, kept.rights), (3, newer));
}

#[tokio::test]
async fn rights_that_are_not_the_owner_s_change_nothing() {
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
        let error = take(world.vault(), &held.grant, &bad).unwrap_err();
        assert_eq!(error.code, "not_the_owner", "{what}");
        // The ledger's word does not make them the owner's.
        let confirmed = confirm(&world.core.ctx, &held.grant, &bad).unwrap();
        assert!(!confirmed, "{what}");
        assert_eq!(world.held(held.grant).unwrap(), held, "{what}");
    }
}
