//! The word of one node of three, also by way of the others: it ends nothing and deletes nothing.

use std::future::ready;

use axum::routing::post;
use cameo_common::api::{UserInfo, paths};
use tokio::sync::Semaphore;

use super::*;
use crate::agent::session;
use crate::cluster_api::ClusterError;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::share::{self, ShareError};

/// Attempts at a session, of which the last begins after the agent would have ended.
const ATTEMPTS: u32 = 6;

/// A node's own word of every user: that the operator has retired them, or not.
fn says(retired: bool) -> Router {
    let info = UserInfo {
        card: Signed::new(&key(OTHER), card("ada", OTHER)),
        devices: Vec::new(),
        online: None,
        epoch: None,
        retired: retired.then_some(Millis(1)),
    };
    Router::new().route("/v1/users/{name}", get(move || ready(Json(info.clone()))))
}

/// A home and three nodes, which pass on a leader's word that a party is retired, and say so of
/// their own state or not. `asked` gets a permit for each session that the first one is asked for.
async fn told(said: [bool; 3], asked: &Arc<Semaphore>) -> World {
    let retired = || post(|| ready(no(ErrorCode::Retired)));
    let node = |(at, says_so): (usize, bool)| {
        let asked = Arc::clone(asked);
        let session = post(move || {
            if at == 0 {
                asked.add_permits(1);
            }
            ready(no(ErrorCode::Retired))
        });
        says(says_so)
            .route(paths::SESSIONS, session)
            .route(paths::GRANTS, retired())
    };
    with_nodes(said.into_iter().enumerate().map(node).collect()).await
}

/// Each node alone.
fn one_of_three() -> [[bool; 3]; 3] {
    [0, 1, 2].map(|liar| [0, 1, 2].map(|at| at == liar))
}

#[tokio::test]
async fn attack_one_nodes_word_that_a_user_is_retired_ends_no_agent() {
    let asked = Arc::new(Semaphore::new(0));
    let world = told([true, false, false], &asked).await;
    // given an agent whose sessions are refused again and again
    let keeping = tokio::spawn(session::keep(world.core.clone()));
    // when it has tried more often than it does after a refusal for good
    let _tried = asked.acquire_many(ATTEMPTS).await.unwrap();
    keeping.abort();
    // then it neither ends nor tells others that its user is retired
    assert_eq!(*world.core.ended.borrow(), None);
    assert_eq!(*world.core.refused.borrow(), None);
}

#[tokio::test]
async fn an_agent_is_refused_when_enough_nodes_say_that_its_user_is_retired() {
    let world = told([true, false, true], &Arc::new(Semaphore::new(0))).await;
    let keeping = tokio::spawn(session::keep(world.core.clone()));
    let mut refused = world.core.refused.subscribe();
    let refusal = refused.wait_for(Option::is_some).await.unwrap().clone();
    keeping.abort();
    let code = refusal.and_then(|error| error.code());
    assert_eq!(code, Some(ErrorCode::Retired));
}

/// Records a grant whose carrier is ready. Returns the error, and whether the home keeps both.
async fn recorded(said: [bool; 3]) -> (ClusterError, bool) {
    let world = told(said, &Arc::new(Semaphore::new(0))).await;
    let grant = owned(Stage::CarrierReady);
    let (id, blob) = (grant.grant.to_string(), grant.blob());
    world.vault().put(&id, &grant).unwrap();
    world
        .vault()
        .put_blob(GrantOwned::CARRIERS, &blob, b"a carrier")
        .unwrap();
    let refused = share::record(&world.core.ctx, grant).await.unwrap_err();
    let ShareError::Cluster(error) = refused else {
        panic!("{refused}")
    };
    let grants = world.vault().list::<GrantOwned>().unwrap().len();
    let carriers = world.vault().list_blobs(GrantOwned::CARRIERS).unwrap();
    assert_eq!(grants, carriers.len());
    (error, grants == 1)
}

#[tokio::test]
async fn attack_one_nodes_word_that_a_user_is_retired_deletes_no_grant() {
    for said in one_of_three() {
        let (error, kept) = recorded(said).await;
        assert!(kept && error.kind() == ErrorKind::ClusterAway, "{error}");
    }
    // and by the word of enough nodes it is removed
    let (error, kept) = recorded([false, true, true]).await;
    assert!(!kept && error.kind() == ErrorKind::Retired, "{error}");
}

#[tokio::test]
async fn attack_one_nodes_word_does_not_say_that_a_user_is_not_registered() {
    // given nodes of which one lacks a user, and the others cannot be asked about users
    let lacks = Router::new().route(
        "/v1/users/{name}",
        get(|| ready(no(ErrorCode::NotRegistered))),
    );
    let look_up = async |nodes: Vec<Router>| {
        let world = with_nodes(nodes).await;
        let ctx = &world.core.ctx;
        let ada = "ada".parse().unwrap();
        let found = directory::look_up(&ctx.api, &ctx.vault, &ada).await;
        found.unwrap_err()
    };
    let nodes = vec![lacks.clone(), Router::new(), Router::new()];
    let error = look_up(nodes).await;
    assert_eq!(error.kind(), ErrorKind::ClusterAway, "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    // and enough nodes say it
    let error = look_up(vec![lacks.clone(), Router::new(), lacks]).await;
    assert!(matches!(error, DirectoryError::NotRegistered(_)), "{error}");
}

#[tokio::test]
async fn attack_a_refusal_is_not_believed_while_another_node_does_not_know_the_outcome() {
    for unsure in [ErrorCode::OutcomeUnknown, ErrorCode::NoQuorum] {
        // given a node that refuses a grant, and two that may have made it
        let node = |code| Router::new().route(paths::GRANTS, post(move || ready(no(code))));
        let nodes = [ErrorCode::Forbidden, unsure, unsure].map(node);
        let world = with_nodes(nodes.to_vec()).await;
        let grant = owned(Stage::CarrierReady);
        let id = grant.grant.to_string();
        world.vault().put(&id, &grant).unwrap();
        // when it is recorded
        let refused = share::record(&world.core.ctx, grant).await.unwrap_err();
        // then its outcome is unknown
        assert!(
            matches!(refused, ShareError::Cluster(ClusterError::OutcomeUnknown)),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_node_that_cannot_answer_a_read_leaves_the_word_of_enough_others() {
    for away in 0..3 {
        // given two nodes that lack a user, and one that takes no part
        let mut codes = [ErrorCode::NotRegistered; 3];
        codes[away] = ErrorCode::Unavailable;
        let node = |code| Router::new().route(paths::USER, get(move || ready(no(code))));
        let world = with_nodes(codes.map(node).to_vec()).await;
        // when the user is looked up
        let found = world.core.ctx.api.user(&"zed".parse().unwrap()).await;
        // then there is none
        let code = found.unwrap_err().code();
        assert_eq!(code, Some(ErrorCode::NotRegistered), "{away} is away");
    }
}

#[tokio::test]
async fn attack_one_nodes_word_does_not_say_that_a_device_is_revoked_or_unknown() {
    for code in [ErrorCode::DeviceRevoked, ErrorCode::NotAuthenticated] {
        // given nodes that pass on a leader's refusal of a device, which they know or not
        let node = |refuses: bool| {
            let read = move || {
                ready(if refuses {
                    no(code)
                } else {
                    Json(()).into_response()
                })
            };
            Router::new()
                .route(paths::END_SESSION, post(move || ready(no(code))))
                .route(paths::USERS, get(read))
        };
        let call = async |said: [bool; 3]| {
            let world = with_nodes(said.map(node).to_vec()).await;
            world.core.ctx.api.end_session(1).await.unwrap_err()
        };
        // then the call is refused only if enough of them do not
        for said in one_of_three() {
            assert_eq!(call(said).await.kind(), ErrorKind::ClusterAway);
        }
        assert_eq!(call([true, true, false]).await.code(), Some(code));
    }
}
