//! Rights that an owner signs after a node has shown old, wild or foreign ones, and changes that no
//! node keeps them from.

#![allow(clippy::unwrap_used)]

use std::future::ready;

use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{GrantInfo, PutRights, RightsStored, Role, paths};
use cameo_common::ids::{ClusterId, GrantId, Hash, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::rights::MAX_VERSION_STEP;
use cameo_common::statements::{Deal, DealtPart, FirstFloor};

use super::base::newest;
use super::*;
use crate::agent::tests::meanwhile::{Meanwhile, damage, keep_third_version};
use crate::agent::tests::rights as signed_rights;
use crate::agent::tests::{ME, STRANGER, World, key, no, owned, told_of, with_nodes};
use crate::vault::Vault;
use crate::vault::records::Stage;

fn rights(version: u64, permitted: u32) -> Rights {
    Rights {
        owner: PublicKey([1; 32]),
        grant: GrantId([2; 32]),
        version,
        permitted,
        expires: None,
        revoked: false,
        may_save: false,
        offline: 0,
    }
}

#[test]
fn the_ledgers_newer_rights_are_the_base() {
    // another device of the owner has changed them
    let base = newest(rights(2, 9), 2, rights(5, 1)).unwrap();
    assert_eq!(base, rights(5, 1));
    let first = newest(rights(1, 9), 0, rights(1, 9)).unwrap();
    assert_eq!(first, rights(1, 9));
}

#[test]
fn attack_old_rights_that_a_node_shows_are_not_signed_again() {
    // given a lowering to one view that the ledger has recorded as version 3
    let lowered = || rights(3, 1);
    // when a node shows the version before, then nothing is signed
    let refused = newest(lowered(), 3, rights(2, 9)).unwrap_err();
    assert!(
        matches!(refused, RightsError::Behind { shown: 2, known: 3 }),
        "{refused}"
    );
    // and a lowering whose recording is unknown is the base all the same
    assert_eq!(newest(lowered(), 2, rights(2, 9)).unwrap(), lowered());
}

#[test]
fn attack_a_version_after_which_there_is_none_is_not_signed() {
    let farthest = 3 + MAX_VERSION_STEP;
    assert!(newest(rights(3, 1), 3, rights(farthest, 1)).is_ok());
    for claimed in [farthest + 1, u64::MAX - 1, u64::MAX] {
        let refused = newest(rights(3, 1), 3, rights(claimed, 1)).unwrap_err();
        assert!(
            matches!(refused, RightsError::TooFarAhead { .. }),
            "{claimed}"
        );
    }
}

#[test]
fn attack_rights_of_another_grant_or_owner_are_not_signed() {
    let other_grant = Rights {
        grant: GrantId([9; 32]),
        ..rights(4, 9)
    };
    let other_owner = Rights {
        owner: PublicKey([9; 32]),
        ..rights(4, 9)
    };
    for foreign in [other_grant, other_owner] {
        let refused = newest(rights(3, 1), 3, foreign).unwrap_err();
        assert!(matches!(refused, RightsError::ForeignRights), "{refused}");
    }
}

/// A node that shows the owner this, and records what follows the version `recorded`.
fn node(shown: GrantInfo, recorded: u64) -> Router {
    let stored = move |Json(put): Json<PutRights>| {
        let version = put.rights.verify().unwrap().version;
        ready(if version > recorded {
            let in_mailbox = true;
            Json(RightsStored {
                version,
                in_mailbox,
            })
            .into_response()
        } else {
            no(ErrorCode::StaleVersion)
        })
    };
    Router::new()
        .route(paths::GRANT, get(move || ready(Json(shown.clone()))))
        .route(paths::RIGHTS, post(stored))
}

/// A node that shows rights of this version, which the ledger has.
fn honest(version: u64) -> Router {
    let grant = owned(Stage::Settled).grant;
    node(told_of(signed_rights(ME, grant, version), 1), version)
}

/// What a node may show in place of rights of version 3.
fn lies() -> Vec<GrantInfo> {
    let grant = owned(Stage::Settled).grant;
    let good = || told_of(signed_rights(ME, grant, 3), 1);
    let mut forged = signed_rights(ME, grant, 3).as_bytes().to_vec();
    forged[0] ^= 1;
    vec![
        told_of(signed_rights(ME, grant, 1), 1),
        told_of(signed_rights(STRANGER, grant, 3), 1),
        GrantInfo {
            rights: Signed::from_bytes(forged),
            ..good()
        },
        GrantInfo {
            version: 9,
            ..good()
        },
        GrantInfo {
            role: Role::Viewer,
            ..good()
        },
    ]
}

/// Changes the rights in a home that has version 3.
async fn change(nodes: Vec<Router>, edit: fn(&mut Rights)) -> Result<Recorded, RightsError> {
    let world = with_nodes(nodes).await;
    let grant = keep_third_version(&world, Stage::Settled);
    record(&world.core.ctx, grant, edit).await
}

fn raise(rights: &mut Rights) {
    rights.permitted = 9;
}

fn revoke(rights: &mut Rights) {
    rights.revoked = true;
}

#[tokio::test]
async fn attack_false_rights_of_one_node_keep_no_owner_from_changing_them() {
    for lie in lies() {
        // given a node that is asked first and shows what does not fit, and two honest ones
        let nodes = vec![node(lie.clone(), 3), honest(3), honest(3)];
        // when the rights are raised
        let recorded = change(nodes, raise).await;
        // then the others' answer is the base
        let recorded = recorded.unwrap_or_else(|why| panic!("{why}: {lie:?}"));
        assert_eq!((recorded.rights.version, recorded.rights.permitted), (4, 9));
    }
}

#[tokio::test]
async fn attack_false_rights_of_all_nodes_keep_no_owner_from_ending_them() {
    for lie in lies() {
        let nodes = || vec![node(lie.clone(), 3); 3];
        // given nodes of which none shows what fits, then this home's own rights are ended
        let ended = change(nodes(), revoke).await;
        let ended = ended.unwrap_or_else(|why| panic!("{why}: {lie:?}"));
        assert_eq!((ended.rights.version, ended.is_ending), (4, true));
        // and nothing else is signed
        assert!(change(nodes(), raise).await.is_err(), "{lie:?}");
    }
}

#[tokio::test]
async fn newer_rights_of_another_device_that_one_node_does_not_show_are_the_base() {
    // given rights of version 5, by another device, which one node does not show
    let withholds = node(
        told_of(signed_rights(ME, owned(Stage::Settled).grant, 3), 1),
        5,
    );
    let nodes = vec![withholds, honest(5), honest(5)];
    // when this device changes them
    let recorded = change(nodes, revoke).await.unwrap();
    // then it is the next version
    assert_eq!(recorded.rights.version, 6);
}

#[tokio::test]
async fn rights_that_the_home_cannot_keep_are_said_to_be_recorded() {
    let grant = owned(Stage::Settled).grant;
    for (act, says) in [
        (
            remove as fn(&Vault),
            "the grant was removed from this home meanwhile",
        ),
        (damage::<GrantOwned>, "this home could not store that"),
    ] {
        // given a grant that is removed or damaged while the nodes record new rights
        let meanwhile = Meanwhile::of(act);
        let nodes = [(); 3].map(|()| meanwhile.recording(grant));
        let world = with_nodes(nodes.to_vec()).await;
        let kept = keep_third_version(&world, Stage::Settled);
        meanwhile.happens_to(&world);
        // when they are changed, then the message says so, and to look before it is done again
        let refused = record(&world.core.ctx, kept, raise).await.unwrap_err();
        let told = refused.to_string();
        assert!(told.contains("are recorded in the ledger"), "{told}");
        assert!(told.contains(says), "{told}");
        assert!(told.contains("`cameo shared`"), "{told}");
        assert!(!told.contains("run the same command"), "{told}");
    }
}

fn remove(vault: &Vault) {
    let grant = owned(Stage::Settled).grant;
    assert!(vault.delete::<GrantOwned>(&grant.to_string()).unwrap());
}

/// A deal to three nodes.
fn dealt(grant: GrantId) -> Deal {
    let part = |id: u8| DealtPart {
        node: NodeId(id.into()),
        key: SealingPublic([id; 32]),
        x: id,
        sealed: Vec::new(),
        commitment: Hash([0; 32]),
    };
    Deal {
        owner: key(ME).public(),
        viewer: PublicKey([7; 32]),
        cluster: ClusterId([1; 32]),
        grant,
        number: 1,
        descriptor: Hash([5; 32]),
        threshold: 2,
        first_floor: FirstFloor::NEW,
        parts: [1, 2, 3].map(part).to_vec(),
    }
}

/// A home whose revocation, version 3, is not confirmed, and nodes that show these rights.
async fn unconfirmed(shown: [Signed<Rights>; 3]) -> (World, GrantOwned) {
    let nodes = shown.map(|rights| node(told_of(rights, 1), 9)).to_vec();
    let world = with_nodes(nodes).await;
    let mut grant = owned(Stage::Settled);
    let mut ending = signed_rights(ME, grant.grant, 3).verify().unwrap();
    ending.revoked = true;
    grant.rights = Signed::new(&key(ME), ending);
    grant.deal = Signed::new(&key(ME), dealt(grant.grant));
    (grant.version, grant.recorded_version, grant.revoked) = (3, 3, true);
    let id = grant.grant.to_string();
    world.vault().put(&id, &grant).unwrap();
    let unconfirmed = UnconfirmedEnding {
        grant: grant.grant,
        version: 3,
    };
    world.vault().put(&id, &unconfirmed).unwrap();
    (world, grant)
}

#[tokio::test]
async fn an_ending_that_another_device_has_replaced_needs_no_confirmation() {
    // given rights that another device has raised after the ending, at a majority of the nodes
    let grant = owned(Stage::Settled).grant;
    let later = || signed_rights(ME, grant, 4);
    let (world, owned) = unconfirmed([later(), later(), signed_rights(ME, grant, 2)]).await;
    // when the agent asks for confirmations again
    confirm_again(&world.core.ctx, &owned.grant).await.unwrap();
    // then there is nothing to confirm, and the home has the later rights
    let id = owned.grant.to_string();
    assert!(
        world
            .vault()
            .get::<UnconfirmedEnding>(&id)
            .unwrap()
            .is_none()
    );
    let kept = world.vault().get::<GrantOwned>(&id).unwrap().unwrap();
    assert_eq!((kept.version, kept.revoked), (4, false));
}

#[tokio::test]
async fn attack_one_nodes_later_rights_settle_no_ending() {
    // given one node that shows later rights, or a stranger's at a majority
    let grant = owned(Stage::Settled).grant;
    let old = || signed_rights(ME, grant, 2);
    let foreign = || signed_rights(STRANGER, grant, 4);
    for shown in [
        [signed_rights(ME, grant, 4), old(), old()],
        [foreign(), foreign(), old()],
    ] {
        let (world, owned) = unconfirmed(shown).await;
        let error = confirm_again(&world.core.ctx, &owned.grant)
            .await
            .unwrap_err();
        assert!(matches!(error, RightsError::Unconfirmed(_)), "{error}");
        let id = owned.grant.to_string();
        assert!(
            world
                .vault()
                .get::<UnconfirmedEnding>(&id)
                .unwrap()
                .is_some()
        );
    }
}
