//! Recording of a grant when the ledger reports that one exists: the same, or another one.

use std::future::ready;

use axum::routing::post;

use super::*;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::share::{self, ShareError};

/// Records a grant at a node that reports `GrantExists`, and this code when the grant is looked up.
async fn recorded(look_up: ErrorCode) -> (World, ShareError) {
    let exists = post(|| ready(no(ErrorCode::GrantExists)));
    let routes = Router::new()
        .route("/v1/grants", exists)
        .route("/v1/grants/{grant}", get(move || ready(no(look_up))));
    let world = with_node(routes).await;
    let error = record_at(&world).await;
    (world, error)
}

/// Records a grant whose carrier is ready.
async fn record_at(world: &World) -> ShareError {
    let grant = owned(Stage::CarrierReady);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    let blob = grant.blob();
    world
        .vault()
        .put_blob(GrantOwned::CARRIERS, &blob, b"a carrier")
        .unwrap();
    share::record(&world.core.ctx, grant).await.unwrap_err()
}

/// Grants and carriers of the home.
fn kept(world: &World) -> (usize, usize) {
    let grants = world.vault().list::<GrantOwned>().unwrap();
    let carriers = world.vault().list_blobs(GrantOwned::CARRIERS).unwrap();
    (grants.len(), carriers.len())
}

#[tokio::test]
async fn another_grant_exists_only_if_the_ledger_does_not_know_this_one() {
    let (world, error) = recorded(ErrorCode::NotFound).await;
    let ShareError::Cluster(refused) = error else {
        panic!("{error}")
    };
    assert_eq!(refused.code(), Some(ErrorCode::GrantExists));
    // No record stays that would count as a grant of the viewer.
    assert_eq!(kept(&world), (0, 0));
}

#[tokio::test]
async fn attack_one_node_alone_does_not_have_a_grant_forgotten() {
    // given a node that refuses the grant and does not know it, and two that cannot tell
    let of = |look_up: ErrorCode| {
        let exists = post(|| ready(no(ErrorCode::GrantExists)));
        Router::new()
            .route("/v1/grants", exists)
            .route("/v1/grants/{grant}", get(move || ready(no(look_up))))
    };
    let unsure = || of(ErrorCode::NoQuorum);
    let world = with_nodes(vec![of(ErrorCode::NotFound), unsure(), unsure()]).await;
    let error = record_at(&world).await;
    // then the home keeps grant and carrier
    assert!(
        matches!(error, ShareError::Cluster(ClusterError::Unconfirmed(_))),
        "{error}"
    );
    assert_eq!(kept(&world), (1, 1));
}

#[tokio::test]
async fn a_failed_look_up_leaves_the_grant_as_it_is() {
    for (code, expected) in [
        (ErrorCode::NoQuorum, ClusterError::NoQuorum),
        (ErrorCode::Unavailable, ClusterError::NoQuorum),
        (ErrorCode::Internal, ClusterError::OutcomeUnknown),
    ] {
        let (world, error) = recorded(code).await;
        let ShareError::Cluster(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error, expected);
        assert_eq!(kept(&world), (1, 1));
    }
}

#[tokio::test]
async fn no_second_grant_of_an_image_is_made_while_one_is_live() {
    let world = alone();
    let grant = owned(Stage::Settled);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    let first = keep_request(&world, IncomingState::Granted(grant.grant));
    let second = Incoming {
        request: RequestId([2; 16]),
        asked: RequestSubject::Photo(signed_request(OTHER, ME, 2)),
        state: IncomingState::Approved(image(Policy::Open).terms),
        ..first.clone()
    };
    world
        .vault()
        .put(&second.request.to_string(), &second)
        .unwrap();
    let make = async |request| {
        let made = share::make(&world.core.ctx, &world.core.notices, &request).await;
        made.map(|grant| grant.grant)
    };
    let refused = make(second.request).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Hopeless);
    assert!(refused.to_string().contains("cameo revoke"), "{refused}");
    assert_eq!(make(first.request).await.unwrap(), grant.grant);
}
