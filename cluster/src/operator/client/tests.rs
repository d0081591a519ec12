//! Orders to nodes of which some lie, over TLS on the nodes' keys.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{Done, ErrorCode, JobMemory, MemberInfo};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{DescriptorLink, Descriptors};
use cameo_common::ids::Hash;
use cameo_common::keys::SealingPublic;
use cameo_common::registration::RegistrationMode;
use cameo_tls::API_ALPN;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::http::Fault;
use crate::raft::ProposeError;

const CLOSE: OperatorCommand = OperatorCommand::SetRegistration {
    mode: RegistrationMode::Closed,
};
/// Time for an order of a test that is not to be carried out.
const SHORT: Duration = Duration::from_millis(600);
const WORKER: NodeId = NodeId(7);

/// What a node says of an order and of its members, by its own state or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// That the order was carried out, and the worker is gone.
    Done,
    /// That it takes no orders at present, and the worker is a member.
    NotYet,
    /// That it is refused, and the worker is a member.
    Refused,
}

use Says::{Done as Yes, NotYet, Refused};

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn answer_no(status: StatusCode, code: ErrorCode) -> Response {
    (status, Json(ApiError::new(code, "no"))).into_response()
}

fn routes(says: Says, info: ClusterInfo) -> Router {
    let order = move || async move {
        match says {
            Yes => Json(Done { done: true }).into_response(),
            NotYet => Fault::from(ProposeError::LowDiskSpace).into_response(),
            Refused => answer_no(StatusCode::FORBIDDEN, ErrorCode::NotRegistered),
        }
    };
    let status = move || async move {
        let worker = MemberInfo {
            id: WORKER,
            url: String::new(),
            voter: false,
            load: None,
        };
        Json(NodeStatus {
            schema: 1,
            node: NodeId(1),
            cluster: None,
            leader: Some(NodeId(1)),
            term: 1,
            committed: 1,
            applied: 1,
            members: if says == Yes { vec![] } else { vec![worker] },
            jobs_finished: 0,
            job_memory: JobMemory::default(),
            quarantined: false,
            waits: None,
            version: String::new(),
            disk: cameo_common::api::DiskInfo::default(),
            entry_version: 6,
            newest_entry_version: 6,
        })
    };
    Router::new()
        .route(paths::CLUSTER, get(async move || Json(info)))
        .route(paths::OPERATOR, post(order))
        .route(paths::STATUS, get(status))
}

/// A client of nodes that say this, the first of which alone the operator has named.
async fn cluster<const N: usize>(said: [Says; N]) -> OperatorClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let node = |id: u8| NodeIdentity {
        id: NodeId(u64::from(id)),
        key: key(id).public(),
        sealing: SealingPublic([id; 32]),
    };
    let operator = key(8);
    let descriptor = Descriptor::genesis(
        (1..=N as u8).map(node).collect(),
        operator.public(),
        RegistrationMode::Open,
        Hash([3; 32]),
    );
    let mut listeners = Vec::new();
    let mut nodes = Vec::new();
    for id in 1..=N as u64 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        nodes.push((NodeId(id), url));
        listeners.push(listener);
    }
    let info = ClusterInfo {
        schema: 1,
        cluster: descriptor.founds().unwrap(),
        descriptors: Descriptors::of_first(descriptor),
        address: Signed::from_bytes(Vec::new()),
        nodes: nodes.clone(),
        now: Millis(0),
    };
    for (seed, (listener, says)) in (1..).zip(listeners.into_iter().zip(said)) {
        let config = cameo_tls::server(Arc::new(key(seed)), API_ALPN).unwrap();
        let listener = TlsListener {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        let router = routes(says, info.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let address = ClusterAddress {
        cluster: info.cluster,
        nodes: vec![nodes[0].1.clone()],
    };
    let mut client = OperatorClient::connect(operator, address).await.unwrap();
    client.deadline = SHORT;
    client
}

async fn order<const N: usize>(said: [Says; N]) -> Result<(), OrderError> {
    let client = cluster(said).await;
    client.order(&CLOSE, RequestId([1; 16])).await
}

#[tokio::test]
async fn an_order_is_done_when_more_nodes_than_may_lie_have_it() {
    for said in [[Yes; 3], [Yes, NotYet, Yes], [Refused, Yes, Yes]] {
        assert_eq!(order(said).await, Ok(()), "{said:?}");
    }
}

#[tokio::test]
async fn attack_one_nodes_word_does_not_end_an_order_as_done() {
    for said in [[Yes, NotYet, NotYet], [NotYet, NotYet, Yes]] {
        let error = order(said).await.unwrap_err();
        let counted = matches!(
            error,
            OrderError::NotInForce {
                confirmed: 1,
                needed: 2,
                ..
            }
        );
        assert!(counted, "{said:?}: {error}");
    }
}

#[tokio::test]
async fn attack_two_liars_of_four_nodes_neither_do_an_order_nor_make_a_worker_gone() {
    // t is 3 of 4, and fewer than t may lie
    let error = order([Yes, Yes, NotYet, NotYet]).await.unwrap_err();
    let counted = matches!(
        error,
        OrderError::NotInForce {
            confirmed: 2,
            needed: 3,
            ..
        }
    );
    assert!(counted, "{error}");
    let client = cluster([Yes, Yes, NotYet, NotYet]).await;
    let error = client.wait_until_gone(WORKER).await.unwrap_err();
    assert_eq!(error, OrderError::Unconfirmed(WORKER));
    assert_eq!(order([Yes, Yes, Yes, NotYet]).await, Ok(()));
}

#[tokio::test]
async fn attack_one_nodes_word_does_not_refuse_an_order() {
    let refused = order([Refused; 3]).await.unwrap_err();
    assert!(matches!(refused, OrderError::Refused(_)), "{refused}");
    // one that refuses alone, while the others have not carried it out yet
    let error = order([Refused, NotYet, NotYet]).await.unwrap_err();
    assert!(matches!(error, OrderError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn the_words_of_a_node_that_is_low_on_disk_space_contradict_no_sentence_around_them() {
    // given nodes of which each is low
    let error = order([NotYet; 3]).await.unwrap_err();
    assert!(matches!(error, OrderError::NoMajority(_)), "{error}");
    let told = error.to_string();
    let said = "says: this node is low on disk space and takes no commands: ask another node";
    assert_eq!(told.matches(said).count(), 3, "{told}");
    assert!(told.contains("and nothing was changed"), "{told}");
    // and they run, so that it is no advice to start them
    assert!(!told.contains("run"), "{told}");
    // and the same beside one whose answer leaves it open
    let error = order([Refused, NotYet, NotYet]).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("it may have been carried out"), "{told}");
    assert!(!told.contains("nothing was"), "{told}");
}

#[tokio::test]
async fn attack_one_nodes_word_does_not_make_a_worker_gone() {
    let client = cluster([Yes, Yes, NotYet]).await;
    assert_eq!(client.wait_until_gone(WORKER).await, Ok(()));
    let client = cluster([Yes, NotYet, NotYet]).await;
    let error = client.wait_until_gone(WORKER).await.unwrap_err();
    assert_eq!(error, OrderError::Unconfirmed(WORKER));
}

#[test]
fn attack_a_cluster_of_another_fingerprint_or_operator_gets_no_order() {
    let ours = PublicKey([8; 32]);
    let mode = RegistrationMode::Open;
    let node = NodeIdentity {
        id: NodeId(1),
        key: PublicKey([1; 32]),
        sealing: SealingPublic([1; 32]),
    };
    let descriptor = Descriptor::genesis(vec![node], ours, mode, Hash([1; 32]));
    let cluster = descriptor.founds().unwrap();
    let info = ClusterInfo {
        schema: 1,
        cluster,
        descriptors: Descriptors::of_first(descriptor),
        address: Signed::from_bytes(Vec::new()),
        nodes: Vec::new(),
        now: Millis(0),
    };
    let address = |cluster| ClusterAddress {
        cluster,
        nodes: Vec::new(),
    };
    let pinned = address(cluster);
    assert!(check(info.clone(), "u", &pinned, ours).is_ok());
    assert!(matches!(
        check(info.clone(), "u", &address(ClusterId([9; 32])), ours),
        Err(OrderError::OtherCluster { .. })
    ));
    assert!(matches!(
        check(info.clone(), "u", &pinned, PublicKey([7; 32])),
        Err(OrderError::OtherOperator { .. })
    ));
    let mut unsigned = info;
    let first = &unsigned.descriptors.first;
    unsigned.descriptors.links = vec![DescriptorLink {
        descriptor: first.successor(first.nodes.clone()),
        operator: Signed::from_bytes(Vec::new()),
        voters: Vec::new(),
    }];
    assert!(check(unsigned, "u", &pinned, ours).is_err());
}

#[test]
fn attack_a_nodes_message_moves_no_cursor() {
    let error = ApiError::new(ErrorCode::Internal, "\u{1b}[2Jgone\u{9b}\u{202e}\n!");
    let body = serde_json::to_vec(&error).unwrap();
    assert_eq!(refusal(&body).message, "[2Jgone!");
    assert_eq!(refusal(b"\x1b[2J").code, ErrorCode::Internal);
}
