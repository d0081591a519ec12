//! `view` against nodes of which one answers 200 with something false.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::ids::Millis;
use cameo_common::keys::SigningKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;

use super::*;
use crate::cluster_api::ClusterError;
use crate::flows::open::tests::{World, told_of, world};

/// Key seed of the owner, and that of a stranger.
const OWNER: [u8; 32] = [9; 32];
const STRANGER: [u8; 32] = [77; 32];

/// Rights of the grant by this key.
fn rights(world: &World, by: [u8; 32], edit: impl Fn(&mut Rights)) -> Signed<Rights> {
    let key = SigningKey::from_seed(by);
    let mut rights = world.held.rights.verify().unwrap();
    rights.owner = key.public();
    edit(&mut rights);
    Signed::new(&key, rights)
}

/// A grant whose rights have been revoked, ended and given again: version 4 permits two views.
async fn given_again() -> World {
    let world = world().await;
    let newest = rights(&world, OWNER, |rights| rights.version = 4);
    world.all_nodes_tell(told_of(&world.held, newest, 0));
    world
}

async fn view(world: &World) -> Result<Report, Error> {
    view_to(world, None).await
}

async fn view_to(world: &World, save: Option<PathBuf>) -> Result<Report, Error> {
    let arguments = Arguments {
        what: world.held.grant.to_string(),
        save,
        cover_to: None,
        no_show: true,
        yes: true,
    };
    let out = Output {
        json: false,
        quiet: true,
    };
    run(&world.context(), out, arguments).await
}

#[tokio::test]
async fn attack_one_node_denies_no_view_by_what_it_shows() {
    type Lie = fn(&World) -> (Signed<Rights>, u32);
    let lies: [Lie; 6] = [
        |world| (rights(world, OWNER, |rights| rights.version = 4), 2),
        |world| (rights(world, OWNER, |rights| rights.version = 4), u32::MAX),
        |world| {
            let revoked = |rights: &mut Rights| (rights.version, rights.revoked) = (2, true);
            (rights(world, OWNER, revoked), 0)
        },
        |world| {
            let expired = |rights: &mut Rights| {
                (rights.version, rights.expires) = (3, Some(Millis(1)));
            };
            (rights(world, OWNER, expired), 0)
        },
        |world| (rights(world, STRANGER, |rights| rights.version = 4), 0),
        |_| (Signed::from_bytes(rights_bytes_flipped()), 0),
    ];
    for (at, lie) in lies.iter().enumerate() {
        // given a node that is asked first, and denies the view by what it shows
        let world = given_again().await;
        let (shown, used) = lie(&world);
        let mut told = told_of(&world.held, world.held.rights.clone(), used);
        told.rights = shown;
        world.first_node_tells(told);
        // when the photo is viewed
        let viewed = view(&world).await;
        // then it opens, and no more views are stored as used than are
        let viewed = viewed.unwrap_or_else(|why| panic!("{at}: {why}"));
        assert_eq!(viewed.fields()["used"], 1, "{at}");
        assert_eq!(world.stored().used, 1, "{at}");
    }
}

/// Bytes that are no statement.
fn rights_bytes_flipped() -> Vec<u8> {
    vec![0xff; 120]
}

#[tokio::test]
async fn a_view_that_no_node_permits_is_denied_by_the_newest_rights() {
    // given nodes that show a revocation, of which one shows that all views are used
    let world = given_again().await;
    let (used_up, revoked) = (
        rights(&world, OWNER, |rights| rights.version = 4),
        rights(&world, OWNER, |rights| {
            (rights.version, rights.revoked) = (5, true);
        }),
    );
    world.all_nodes_tell(told_of(&world.held, revoked, 0));
    world.first_node_tells(told_of(&world.held, used_up, 2));
    // when it is viewed, then the revocation is the reason, and is stored
    let denied = view(&world).await.unwrap_err();
    assert!(denied.to_string().contains("revoked"), "{denied}");
    assert_eq!(world.stored().version, 5);
}

#[tokio::test]
async fn attack_no_more_views_are_stored_as_used_than_are_permitted() {
    let world = given_again().await;
    let shown = rights(&world, OWNER, |rights| rights.version = 4);
    world.all_nodes_tell(told_of(&world.held, shown, u32::MAX));
    assert!(view(&world).await.is_err());
    assert_eq!(world.stored().used, 2);
}

#[tokio::test]
async fn attack_older_rights_of_one_node_give_no_leave_to_save() {
    // given an owner who permits saving no more, and a node that shows the rights before
    let world = world().await;
    let shown = |version, may_save| {
        rights(&world, OWNER, |rights| {
            (rights.version, rights.may_save) = (version, may_save);
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("photo.jpg");
    let told = |signed| told_of(&world.held, signed, 0);
    for (first, others) in [((5, false), (4, true)), ((4, true), (4, true))] {
        world.all_nodes_tell(told(shown(others.0, others.1)));
        world.first_node_tells(told(shown(first.0, first.1)));
        // when the photo is to be saved
        let denied = view_to(&world, Some(file.clone())).await.unwrap_err();
        // then it is not: this home has seen the newest
        assert!(denied.to_string().contains("permit saving"), "{denied}");
        assert!(!file.exists());
        assert_eq!(world.stored().version, 5);
    }
}

#[tokio::test]
async fn a_refused_view_is_told_in_the_ledgers_words_where_the_nodes_permit_it() {
    for code in [ErrorCode::Revoked, ErrorCode::Expired, ErrorCode::UsedUp] {
        // given nodes that show rights that permit a view, and refuse to charge it
        let world = given_again().await;
        world.all_nodes_refuse(code);
        // when it is viewed, then the refusal is the reason
        let refused = view(&world).await.unwrap_err();
        let by_ledger = Error::from(ClusterError::from(ApiError::new(code, "no")));
        assert_eq!(refused.to_string(), by_ledger.to_string(), "{code:?}");
        // and the nodes were asked for the grant once before, and once after
        assert_eq!(world.looks(), 2, "{code:?}");
    }
}

#[tokio::test]
async fn a_refused_view_is_explained_by_one_look_at_the_grant() {
    // given nodes that show a revocation which came between the check and the charge
    let world = given_again().await;
    let revoked = rights(&world, OWNER, |rights| {
        (rights.version, rights.revoked) = (5, true);
    });
    world.all_nodes_tell(told_of(&world.held, revoked, 0));
    let refused = async |code| {
        let refusal = ClusterError::from(ApiError::new(code, "no"));
        permit::refused(&world.context(), &world.held, refusal.into()).await
    };
    // when the charge is refused, then one look gives the reason, which is stored
    let told = refused(ErrorCode::Revoked).await.to_string();
    assert!(told.contains("ada has revoked"), "{told}");
    assert_eq!((world.looks(), world.stored().version), (1, 5));
    // and where one node shows another reason, the confirmed refusal is told
    let told = refused(ErrorCode::UsedUp).await.to_string();
    assert!(!told.contains("revoked"), "{told}");
}
