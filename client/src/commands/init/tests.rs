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
use cameo_common::predecessor::Predecessor;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use super::*;
use crate::cluster_api::mock_node::{MockPort, node_key};
use crate::vault::Passphrase;
use crate::vault::records::{EarlierCluster, EventToken, NewestDescriptor};

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
    let other = of_this_person(me.clone(), name("ben"), &home).unwrap();
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
    let refused = of_this_person(registered, name("ben"), &home).unwrap_err();
    assert!(matches!(refused, Error::OtherPerson { .. }), "{refused}");
}

/// The home of a user of `known`, and what a node of a cluster with this predecessor says.
fn home_and_successor(known: ClusterId, before: ClusterId) -> (tempfile::TempDir, ClusterInfo) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
    let me = Identity {
        registered: true,
        ..new_identity(name("ada"), known, vec!["https://old:1".to_owned()])
    };
    vault.put(Identity::ID, &me).unwrap();
    let node = NodeIdentity {
        id: NodeId(1),
        key: node_key(1).public(),
        sealing: SealingPublic([2; 32]),
    };
    let (operator, nonce) = (PublicKey([8; 32]), Hash([3; 32]));
    let descriptor = Descriptor::genesis(vec![node], operator, RegistrationMode::Open, nonce)
        .after(Predecessor {
            cluster: before,
            index: 300,
            state: Hash([4; 32]),
            content: Hash([5; 32]),
        });
    let told = ClusterInfo {
        schema: 1,
        cluster: descriptor.founds().unwrap(),
        descriptors: Descriptors::of_first(descriptor),
        address: Signed::from_bytes(Vec::new()),
        nodes: Vec::new(),
        now: clock::now(),
    };
    (folder, told)
}

fn opened(folder: &tempfile::TempDir) -> (Home, Vault, Identity) {
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::open(&home, &Passphrase::given("for a test")).unwrap();
    let me = vault.get::<Identity>(Identity::ID).unwrap().unwrap();
    (home, vault, me)
}

#[test]
fn attack_a_home_follows_no_cluster_without_consent_or_that_does_not_name_its_own() {
    let (known, other) = (ClusterId([1; 32]), ClusterId([2; 32]));
    let new_nodes = ["https://new:1".to_owned()];
    for (before, yes) in [(known, false), (other, true)] {
        let (folder, told) = home_and_successor(known, before);
        let (home, vault, me) = opened(&folder);
        let to = (told.cluster, &new_nodes[..], yes);
        // Tests have no terminal, so that nobody is asked.
        let refused = follow::follow_serving(&vault, &home, me.clone(), &told, to);
        match yes {
            true => assert!(matches!(refused, Err(Error::OtherCluster { .. }))),
            false => assert!(matches!(refused, Err(Error::NotFollowed { .. }))),
        }
        assert_eq!(opened(&folder).2, me);
        assert_eq!(vault.list::<EarlierCluster>().unwrap(), []);
    }
}

#[test]
fn a_home_that_follows_keeps_its_keys_and_what_it_has_and_remembers_the_old_cluster() {
    // given a home that knows a change of the nodes, and has begun a view
    let known = ClusterId([1; 32]);
    let (folder, told) = home_and_successor(known, known);
    let (home, vault, me) = opened(&folder);
    let newest = NewestDescriptor {
        number: 3,
        hash: Hash([7; 32]),
    };
    vault.put(NewestDescriptor::ID, &newest).unwrap();
    vault.put("token", &EventToken { sequence: 9 }).unwrap();
    // when its user agrees
    let nodes = ["https://new:1".to_owned()];
    let to = (told.cluster, &nodes[..], true);
    let followed = follow::follow_serving(&vault, &home, me.clone(), &told, to).unwrap();
    // then it is the same user, of the new cluster
    let expected = Identity {
        cluster: told.cluster,
        nodes: nodes.to_vec(),
        registered: false,
        ..me.clone()
    };
    assert_eq!(followed, expected);
    assert_eq!(opened(&folder).2, expected);
    assert_eq!(vault.list::<EventToken>().unwrap(), []);
    let kept = vault.get::<NewestDescriptor>(NewestDescriptor::ID).unwrap();
    assert_eq!(kept, None);
    let earlier = vault.get::<EarlierCluster>(&known.to_string()).unwrap();
    let earlier = earlier.unwrap();
    assert_eq!((earlier.cluster, earlier.next), (known, told.cluster));
    assert_eq!(earlier.newest, Some((3, Hash([7; 32]))));
    assert_eq!(earlier.nodes, me.nodes);
}

#[test]
fn a_home_that_missed_a_restore_follows_another_one_of_an_earlier_cluster_and_never_goes_back() {
    // given a home that has followed a cluster which was restored from its first one
    let first = ClusterId([1; 32]);
    let (folder, told) = home_and_successor(first, first);
    let (home, vault, me) = opened(&folder);
    let nodes = ["https://new:1".to_owned()];
    let to = (told.cluster, &nodes[..], true);
    let second = follow::follow_serving(&vault, &home, me, &told, to).unwrap();
    // when another one goes on from the first
    let mut descriptor = told.descriptors.first.clone();
    descriptor.nonce = Hash([6; 32]);
    let cluster = descriptor.founds().unwrap();
    let third = ClusterInfo {
        cluster,
        descriptors: Descriptors::of_first(descriptor),
        ..told.clone()
    };
    let renamed = renamed(second, name("eve")).unwrap();
    let to = (cluster, &nodes[..], true);
    let followed = follow::follow_serving(&vault, &home, renamed, &third, to).unwrap();
    // then it is followed, by the name that was given
    assert_eq!((followed.cluster, &followed.name), (cluster, &name("eve")));
    assert_eq!(opened(&folder).2, followed);
    // and the one before never again
    let to = (told.cluster, &nodes[..], true);
    let refused = follow::follow_serving(&vault, &home, followed, &told, to);
    assert!(matches!(refused, Err(Error::OtherCluster { .. })));
}
