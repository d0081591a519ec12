//! Grants that the ledger no longer keeps.

use std::future::ready;

use cameo_common::api::GRANT_RETENTION;

use super::*;
use crate::flows::rights::{self as changes, RightsError};

/// A home with a used-up grant of this age, and a node that does not know the grant.
async fn forgotten(age: Duration) -> World {
    let routes = Router::new().route("/v1/grants/{grant}", get(|| ready(no(ErrorCode::NotFound))));
    let world = with_node(routes).await;
    let mut grant = owned(Stage::Settled);
    grant.created = crate::clock::now().minus(age);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    world
}

async fn revoke(world: &World) -> RightsError {
    let grant = owned(Stage::Settled).grant;
    let owned = world.owned(grant);
    let revoked = changes::record(&world.core.ctx, owned, |rights| rights.revoked = true).await;
    revoked.unwrap_err()
}

#[tokio::test]
async fn a_grant_that_the_ledger_no_longer_keeps_is_closed_in_its_owners_home() {
    let world = forgotten(GRANT_RETENTION).await;
    let error = revoke(&world).await;
    assert!(matches!(error, RightsError::NotKept), "{error}");
    // so that another one of the image can be made
    let owned = world.owned(owned(Stage::Settled).grant);
    assert!(!owned.is_live(crate::clock::now()));
}

#[tokio::test]
async fn attack_a_young_grant_is_not_believed_to_be_compacted() {
    let world = forgotten(GRANT_RETENTION - Duration::from_secs(60)).await;
    let error = revoke(&world).await;
    assert!(matches!(error, RightsError::Cluster(_)), "{error}");
    let owned = world.owned(owned(Stage::Settled).grant);
    assert!(owned.is_live(crate::clock::now()));
}
