//! Calls to mock nodes, some of which have a wrong clock.

#![allow(clippy::unwrap_used)]

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{
    AUTHORIZATION_HEADER, ApiError, ClusterInfo, ErrorCode, MAX_CALL_LIFETIME,
};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::op::{Authorization, Op};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;

use super::mock_node::{MockPort, node_key};
use super::*;
use crate::clock;

mod following;
mod outcomes;

const HOUR: i64 = 3_600_000;
const HALF_A_MINUTE: i64 = 30_000;

/// A node whose clock is wrong by `reported` where it reports it, and by `checked` where it checks
/// calls.
#[derive(Clone)]
struct Node {
    info: ClusterInfo,
    reported: i64,
    checked: i64,
    calls: Arc<Mutex<Vec<RequestId>>>,
}

fn time(offset: i64) -> Millis {
    Millis(clock::now().0.checked_add_signed(offset).unwrap())
}

async fn info(State(node): State<Node>) -> Json<ClusterInfo> {
    let now = time(node.reported);
    Json(ClusterInfo { now, ..node.info })
}

async fn answer(State(node): State<Node>, headers: HeaderMap) -> Response {
    let header = headers[AUTHORIZATION_HEADER].as_bytes();
    let bytes = BASE64URL_NOPAD.decode(header).unwrap();
    let signed: Signed<Authorization> = Signed::from_bytes(bytes);
    let call = signed.verify().unwrap();
    node.calls.lock().push(call.request);
    let now = time(node.checked);
    if call.not_after <= now || call.not_after > now.plus(MAX_CALL_LIFETIME) {
        let refusal = ApiError::new(ErrorCode::CallExpired, "expired");
        return (StatusCode::UNAUTHORIZED, Json(refusal)).into_response();
    }
    Json(true).into_response()
}

fn routes(node: Node) -> Router {
    Router::new()
        .route("/v1/cluster", get(info))
        .route("/v1/asked", post(answer))
        .with_state(node)
}

/// A client of nodes with these clocks, and the request ids of the calls they received.
async fn nodes(clocks: &[(i64, i64)]) -> (ClusterApi, Arc<Mutex<Vec<RequestId>>>) {
    let identity = |number| NodeIdentity {
        id: NodeId(u64::from(number)),
        key: node_key(u64::from(number)).public(),
        sealing: SealingPublic([2; 32]),
    };
    let count = u8::try_from(clocks.len()).unwrap();
    let identities = (1..=count).map(identity).collect();
    let descriptor = Descriptor::genesis(
        identities,
        PublicKey([8; 32]),
        RegistrationMode::Open,
        Hash([3; 32]),
    );
    let cluster = descriptor.founds().unwrap();
    let calls = Arc::default();
    let mut urls = Vec::new();
    for (number, (reported, checked)) in (1..).zip(clocks) {
        let node = Node {
            info: ClusterInfo {
                schema: 1,
                cluster,
                descriptors: Descriptors::of_first(descriptor.clone()),
                address: Signed::from_bytes(Vec::new()),
                nodes: vec![],
                now: Millis::EPOCH,
            },
            reported: *reported,
            checked: *checked,
            calls: Arc::clone(&calls),
        };
        let port = MockPort::bind().await;
        urls.push(port.url.clone());
        port.serve(number, routes(node));
    }
    let pinned = Pinned {
        cluster,
        nodes: urls,
    };
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    let deadline = Duration::from_secs(5);
    let api = ClusterApi::with_deadline(pinned, device, deadline).unwrap();
    (api, calls)
}

/// A client of this cluster alone, at these addresses.
fn client_of(info: &ClusterInfo, nodes: Vec<String>) -> ClusterApi {
    client_for(info, nodes, Duration::from_millis(400))
}

fn client_for(info: &ClusterInfo, nodes: Vec<String>, deadline: Duration) -> ClusterApi {
    let pinned = Pinned {
        cluster: info.cluster,
        nodes,
    };
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    ClusterApi::with_deadline(pinned, device, deadline).unwrap()
}

async fn ask(api: &ClusterApi) -> Result<bool, ClusterError> {
    let op = Op::EndSession { epoch: 1 };
    api.command("/v1/asked".to_owned(), &(), op).await
}

#[tokio::test]
async fn a_node_that_reports_a_wrong_time_does_not_stop_calls() {
    for offset in [-HOUR, HOUR] {
        // Given a first node that reports another time than all nodes check calls by,
        let (api, calls) = nodes(&[(offset, 0), (0, 0), (0, 0)]).await;
        assert_eq!(ask(&api).await, Ok(true));
        // then the others' time is taken before the first call.
        assert_eq!(calls.lock().len(), 1);
    }
}

#[tokio::test]
async fn a_call_that_came_too_late_is_signed_again_under_its_request_id() {
    // Given a client whose clock is a little slower than those of all nodes,
    let (api, calls) = nodes(&[(HALF_A_MINUTE, HALF_A_MINUTE); 3]).await;
    assert_eq!(ask(&api).await, Ok(true));
    // then both tries have the same request id.
    let calls = calls.lock();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
}

#[tokio::test]
async fn attack_a_node_that_reports_a_future_time_gets_no_call_for_later() {
    // given a node whose time is an hour ahead, and two that are right
    let (api, _) = nodes(&[(HOUR, 0), (0, 0), (0, 0)]).await;
    assert_eq!(ask(&api).await, Ok(true));
    // then calls are not signed for longer than they are meant to last
    assert!(api.cluster_now() < time(HALF_A_MINUTE));
}

#[tokio::test]
async fn the_time_that_is_asked_for_is_that_of_a_majority() {
    // given a client whose clock is an hour behind those of two nodes
    let (api, _) = nodes(&[(HOUR, HOUR), (HOUR, HOUR), (0, 0)]).await;
    api.find_all_nodes().await;
    // then the time is theirs, and the wrong clock is told
    assert!(api.ask_now().await > time(HOUR - HALF_A_MINUTE));
    let told = api.wrong_clock().unwrap();
    assert!(told.contains("1h behind the cluster's"), "{told}");
    // given one whose clock is right, and a node that is wrong, then it is this clock's
    let (api, _) = nodes(&[(HOUR, HOUR), (0, 0), (0, 0)]).await;
    api.find_all_nodes().await;
    assert!(api.ask_now().await < time(HALF_A_MINUTE));
    assert!(api.wrong_clock().is_none());
}

#[tokio::test]
async fn attack_one_node_does_not_date_the_first_call() {
    // given a node whose time is ahead by less than would make the client ask others
    for offset in [-HALF_A_MINUTE, HALF_A_MINUTE] {
        let (api, calls) = nodes(&[(offset, 0), (0, 0), (0, 0)]).await;
        // when it is the only one that was asked
        assert_eq!(ask(&api).await, Ok(true));
        // then the client's own clock has dated the call
        assert_eq!(calls.lock().len(), 1);
        let now = api.cluster_now();
        assert!(now > time(-1_000) && now < time(1_000), "{now:?}");
    }
}

#[tokio::test]
async fn a_node_that_checks_calls_by_a_wrong_time_is_skipped() {
    for offset in [-HOUR, HOUR] {
        let (api, _) = nodes(&[(0, offset), (0, 0), (0, 0)]).await;
        assert_eq!(ask(&api).await, Ok(true));
    }
}

#[tokio::test]
async fn a_clock_offset_that_became_wrong_is_replaced() {
    let (api, _) = nodes(&[(0, 0)]).await;
    assert_eq!(ask(&api).await, Ok(true));
    api.nodes().shift_clocks(-HOUR);
    assert_eq!(ask(&api).await, Ok(true));
}

#[tokio::test]
async fn a_call_that_every_node_refuses_as_expired_is_signed_again_once_and_asked_of_another() {
    let (api, calls) = nodes(&[(0, HOUR), (0, HOUR), (0, HOUR)]).await;
    let refused = ask(&api).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::CallExpired));
    assert_eq!(calls.lock().len(), 3);
}

#[tokio::test]
async fn attack_a_server_without_a_nodes_key_gets_no_call() {
    // given a server that repeats what an honest node says, with a key of its own
    let (honest, _) = nodes(&[(0, 0)]).await;
    let info = honest.info().await.unwrap();
    let received = Arc::new(Mutex::new(Vec::new()));
    let node = Node {
        info: info.clone(),
        reported: 0,
        checked: 0,
        calls: Arc::clone(&received),
    };
    let port = MockPort::bind().await;
    let url = port.url.clone();
    port.serve(99, routes(node));
    // when a client that was told of this address alone calls
    let api = client_of(&info, vec![url]);
    let refused = ask(&api).await;
    // then it sends nothing there
    assert!(
        matches!(refused, Err(ClusterError::Unreachable { .. })),
        "{refused:?}"
    );
    assert!(received.lock().is_empty());
}

#[tokio::test]
async fn attack_a_server_that_takes_a_nodes_place_gets_no_call() {
    // given a client that knows where a node is
    let port = MockPort::bind().await;
    let url = port.url.clone();
    let address = url.trim_start_matches("https://").to_owned();
    let (honest, _) = nodes(&[(0, 0)]).await;
    let info = honest.info().await.unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let node = |calls: &Arc<Mutex<Vec<RequestId>>>| Node {
        info: info.clone(),
        reported: 0,
        checked: 0,
        calls: Arc::clone(calls),
    };
    let serving = port.serve(1, routes(node(&calls)));
    let api = client_of(&info, vec![url]);
    api.info().await.unwrap();
    // when another program takes its port
    serving.stop().await;
    let stolen = Arc::new(Mutex::new(Vec::new()));
    MockPort::bind_to(&address)
        .await
        .serve(2, routes(node(&stolen)));
    // then it gets nothing
    assert!(ask(&api).await.is_err());
    assert!(stolen.lock().is_empty() && calls.lock().is_empty());
}
