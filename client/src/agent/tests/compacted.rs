//! Grants that the ledger no longer keeps.

use std::future::ready;

use cameo_common::api::GRANT_RETENTION;

use super::*;
use crate::flows::rights::{self as changes, RightsError};
use crate::vault::records::EarlierCluster;

/// The least age at which a grant can be compacted.
const OLD: Duration = GRANT_RETENTION.saturating_mul(2);

/// What a node says of the grant.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// That it does not exist.
    Absent,
    /// That it cannot tell.
    Unsure,
}

/// A home with a used-up grant of this age, and three nodes that say this of it.
async fn forgotten(age: Duration, said: [Says; 3]) -> World {
    let node = |says: Says| {
        let code = match says {
            Says::Absent => ErrorCode::NotFound,
            Says::Unsure => ErrorCode::NoQuorum,
        };
        Router::new().route("/v1/grants/{grant}", get(move || ready(no(code))))
    };
    let world = with_nodes(said.map(node).to_vec()).await;
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

fn is_open(world: &World) -> bool {
    let owned = world.owned(owned(Stage::Settled).grant);
    owned.is_live(crate::clock::now())
}

#[tokio::test]
async fn a_grant_that_the_ledger_no_longer_keeps_is_closed_in_its_owners_home() {
    for said in [
        [Says::Absent; 3],
        [Says::Absent, Says::Absent, Says::Unsure],
    ] {
        let world = forgotten(OLD, said).await;
        let error = revoke(&world).await;
        assert!(matches!(error, RightsError::NotKept), "{error}");
        // so that another one of the image can be made
        assert!(!is_open(&world));
    }
}

#[tokio::test]
async fn attack_a_young_grant_is_not_believed_to_be_compacted() {
    let world = forgotten(OLD - Duration::from_secs(60), [Says::Absent; 3]).await;
    let error = revoke(&world).await;
    assert!(matches!(error, RightsError::Cluster(_)), "{error}");
    assert!(is_open(&world));
}

#[tokio::test]
async fn attack_one_node_alone_does_not_say_that_a_grant_was_compacted() {
    for at in 0..3 {
        // given an old grant, of which one node says that it is gone
        let mut said = [Says::Unsure; 3];
        said[at] = Says::Absent;
        let world = forgotten(2 * OLD, said).await;
        // when its owner revokes it, then the home keeps it and asks again later
        let error = revoke(&world).await;
        assert!(matches!(error, RightsError::Cluster(_)), "{error}");
        assert!(is_open(&world));
    }
}

#[tokio::test]
async fn a_grant_that_the_backup_of_a_restored_cluster_lacks_is_closed_in_its_owners_home() {
    for (made_before, said, closes) in [
        (true, [Says::Absent; 3], true),
        (true, [Says::Absent, Says::Unsure, Says::Unsure], false),
        (false, [Says::Absent; 3], false),
    ] {
        // given a young grant, which was made before or after its owner followed a restore
        let age = Duration::from_secs(3_600);
        let world = forgotten(age, said).await;
        let created = world.owned(owned(Stage::Settled).grant).created;
        let followed = match made_before {
            true => created.plus(age / 2),
            false => created.minus(age),
        };
        let earlier = EarlierCluster {
            cluster: ClusterId([91; 32]),
            nodes: Vec::new(),
            newest: None,
            next: ClusterId([92; 32]),
            followed,
        };
        let vault = world.vault();
        vault.put(&earlier.cluster.to_string(), &earlier).unwrap();
        // when its owner revokes it, and these nodes do not have it
        let error = revoke(&world).await;
        // then it is closed if it may be lost, and enough of them say so
        let is_told = matches!(error, RightsError::NotRestored);
        assert_eq!((is_told, is_open(&world)), (closes, !closes), "{error}");
    }
}
