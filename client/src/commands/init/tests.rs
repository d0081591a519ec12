//! Registration with nodes that do not tell the truth.

#![allow(clippy::unwrap_used)]

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{ApiError, ClusterInfo, paths};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{Hash, NodeId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use super::*;
use crate::cluster_api::mock_node::{MockPort, node_key};
use crate::vault::Passphrase;

async fn info(State(info): State<ClusterInfo>) -> Json<ClusterInfo> {
    Json(info)
}

async fn taken() -> Response {
    let refusal = ApiError::new(ErrorCode::NameTaken, "it belongs to another key");
    (StatusCode::CONFLICT, Json(refusal)).into_response()
}

/// A cluster of one node, which says of every name that it is taken.
async fn liar() -> (ClusterId, String) {
    let node = NodeIdentity {
        id: NodeId(1),
        key: node_key(1).public(),
        sealing: SealingPublic([2; 32]),
    };
    let descriptor = Descriptor::genesis(
        vec![node],
        PublicKey([8; 32]),
        RegistrationMode::Open,
        Hash([3; 32]),
    );
    let cluster = descriptor.founds().unwrap();
    let told = ClusterInfo {
        schema: 1,
        cluster,
        descriptors: Descriptors::of_first(descriptor),
        address: Signed::from_bytes(Vec::new()),
        nodes: Vec::new(),
        now: clock::now(),
    };
    let port = MockPort::bind().await;
    let url = port.url.clone();
    let router = Router::new()
        .route(paths::CLUSTER, get(info))
        .route(paths::USERS, post(taken))
        .with_state(told);
    port.serve(1, router);
    (cluster, url)
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

#[tokio::test]
async fn attack_a_node_that_says_that_the_name_is_taken_deletes_no_key() {
    for registered in [false, true] {
        // given a home with keys, registered or not
        let (cluster, url) = liar().await;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
        let me = Identity {
            registered,
            ..new_identity(name("ada"), cluster, vec![url])
        };
        vault.put(Identity::ID, &me).unwrap();
        let api = ClusterApi::new(me.pinned(), Arc::new(me.device_key())).unwrap();
        // when a node says that the name belongs to another key
        let refused = register(&vault, &api, &me, None).await.unwrap_err();
        assert!(matches!(refused, Error::NameTaken(_)), "{refused}");
        // then the keys are there as before
        assert_eq!(vault.get::<Identity>(Identity::ID).unwrap(), Some(me));
    }
}

#[tokio::test]
async fn nothing_is_waited_for_where_no_program_listens() {
    let port = MockPort::bind().await;
    let url = port.url.clone();
    drop(port);
    let before = tokio::time::Instant::now();
    let refused = known_cluster(Output::default(), ClusterId([1; 32]), &[url])
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::NoNode { .. }), "{refused}");
    assert!(before.elapsed() < crate::cluster_api::COMMAND_DEADLINE / 2);
}

#[tokio::test]
async fn a_fingerprint_that_was_just_given_is_not_called_pinned() {
    let (cluster, url) = liar().await;
    let given = ClusterId([9; 32]);
    let refused = known_cluster(Output::default(), given, &[url])
        .await
        .unwrap_err();
    let Error::WrongFingerprint { found, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!(*found, cluster);
    assert!(!refused.to_string().contains("pinned"), "{refused}");
}

#[tokio::test]
async fn keys_without_a_name_take_another_one_and_keys_with_one_keep_it() {
    let (cluster, url) = liar().await;
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let me = new_identity(name("ada"), cluster, vec![url]);
    let other = of_this_person(me.clone(), name("ben"), cluster, &home).unwrap();
    assert_eq!(other.name, name("ben"));
    assert_eq!(other.identity, me.identity);
    let card = other.card.verify().unwrap();
    assert_eq!(
        (card.name, card.key),
        (name("ben"), me.identity_key().public())
    );

    let registered = Identity {
        registered: true,
        ..me
    };
    let refused = of_this_person(registered, name("ben"), cluster, &home).unwrap_err();
    assert!(matches!(refused, Error::OtherPerson { .. }), "{refused}");
}
