//! A grant that the ledger says it has: ours, by an answer that was lost, or another one?

use std::future::ready;

use axum::routing::post;

use super::*;
use crate::share;

/// Records a grant with a node that says it exists, and so much when it is looked up.
async fn recorded(look_up: ErrorCode) -> Failure {
    let exists = post(|| ready(no(ErrorCode::GrantExists)));
    let routes = Router::new()
        .route("/v1/grants", exists)
        .route("/v1/grants/{grant}", get(move || ready(no(look_up))));
    let world = with_node(routes).await;
    let grant = owned(Stage::Carried);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    share::record(&world.core.ctx, grant).await.unwrap_err()
}

#[tokio::test]
async fn another_grant_stands_in_the_way_only_when_the_ledger_does_not_know_ours() {
    assert_eq!(recorded(ErrorCode::NotFound).await.code, "grant_exists");
}

#[tokio::test]
async fn a_look_up_that_did_not_work_leaves_it_open() {
    let failure = recorded(ErrorCode::NoQuorum).await;
    assert_eq!(failure.code, "no_quorum");
    assert_eq!(recorded(ErrorCode::Unavailable).await.code, "no_quorum");
    assert_eq!(recorded(ErrorCode::Internal).await.code, "outcome_unknown");
}
