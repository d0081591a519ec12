//! A grant that the ledger says it has: ours, by an answer that was lost, or another one?

use std::future::ready;

use axum::routing::post;

use super::*;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::share::{self, ShareError};

/// A home with a carried grant, and what came of recording it with a node that says it exists, and so much when it is
/// looked up.
async fn recorded(look_up: ErrorCode) -> (World, ShareError) {
    let exists = post(|| ready(no(ErrorCode::GrantExists)));
    let routes = Router::new()
        .route("/v1/grants", exists)
        .route("/v1/grants/{grant}", get(move || ready(no(look_up))));
    let world = with_node(routes).await;
    let grant = owned(Stage::Carried);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    let blob = grant.blob();
    world
        .vault()
        .put_blob(GrantOwned::CARRIERS, &blob, b"a carrier")
        .unwrap();
    let error = share::record(&world.core.ctx, grant).await.unwrap_err();
    (world, error)
}

/// Grants and carriers of the home.
fn kept(world: &World) -> (usize, usize) {
    let grants = world.vault().list::<GrantOwned>().unwrap();
    let carriers = world.vault().list_blobs(GrantOwned::CARRIERS).unwrap();
    (grants.len(), carriers.len())
}

#[tokio::test]
async fn another_grant_stands_in_the_way_only_when_the_ledger_does_not_know_ours() {
    let (world, error) = recorded(ErrorCode::NotFound).await;
    let ShareError::Cluster(refused) = error else {
        panic!("{error}")
    };
    assert_eq!(refused.code(), Some(ErrorCode::GrantExists));
    // Nothing stays that could pass for a grant which the viewer holds.
    assert_eq!(kept(&world), (0, 0));
}

#[tokio::test]
async fn a_look_up_that_did_not_work_leaves_it_open() {
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
async fn a_second_grant_of_an_image_is_not_begun_while_one_lives() {
    let world = alone();
    let grant = owned(Stage::Settled);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    let first = keep_request(&world, IncomingState::Granted(grant.grant));
    let second = Incoming {
        request: RequestId([2; 16]),
        asked: Asked::Photo(signed_request(OTHER, ME, 2)),
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
