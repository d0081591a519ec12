//! Tests of confirmations, by HTTP nodes of which some lie.

#![allow(clippy::unwrap_used)]

mod counting;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{ApiError, ClusterInfo, ConfirmRights, Confirmed, PutRights, RightsStored};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{GrantId, Hash, Millis, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::statements::{DealtPart, FirstFloor, NodeAddress};

use super::*;
use crate::agent::tests::told_of;
use crate::clock;
use crate::cluster_api::Pinned;
use crate::cluster_api::mock_chain::{chain, first, mock};
use crate::cluster_api::mock_node::{MockPort, node_key};

const GRANT: GrantId = GrantId([4; 32]);

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behaviour {
    Honest,
    /// Says that everything is recorded, tells nobody, and confirms everything.
    Liar,
    /// Has a ledger that lacks the rights, and takes none.
    CutOff,
    /// Never answers.
    Silent,
    /// Confirms with something false.
    False(Fault),
    /// Has later rights, of another device of the owner, which are revoked or not.
    Later {
        revoked: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Key,
    Cluster,
    Grant,
    OlderVersion,
    OtherRights,
}

/// The nodes, with the one ledger of the honest ones.
struct Nodes {
    info: ClusterInfo,
    behaviours: HashMap<NodeId, Behaviour>,
    ledger: Mutex<Option<Signed<Rights>>>,
    /// What node 1 tells of the descriptors from its first confirmation on.
    later: Mutex<Option<Descriptors>>,
    confirmed: Mutex<bool>,
}

type Shared = (Arc<Nodes>, NodeId);

fn owner() -> SigningKey {
    SigningKey::from_seed([9; 32])
}

fn rights(version: u64) -> Rights {
    Rights {
        owner: owner().public(),
        grant: GRANT,
        version,
        permitted: 5,
        expires: None,
        revoked: true,
        may_save: false,
        offline: 0,
    }
}

fn statement() -> Signed<Rights> {
    Signed::new(&owner(), rights(2))
}

fn no() -> Response {
    let error = ApiError::new(ErrorCode::Unavailable, "no");
    (StatusCode::SERVICE_UNAVAILABLE, Json(error)).into_response()
}

async fn put(State((nodes, node)): State<Shared>, Json(body): Json<PutRights>) -> Response {
    match nodes.behaviours[&node] {
        Behaviour::CutOff => return no(),
        Behaviour::Liar => {}
        _ => *nodes.ledger.lock().unwrap() = Some(body.rights),
    }
    let stored = RightsStored {
        version: 2,
        in_mailbox: true,
    };
    Json(stored).into_response()
}

async fn confirm(State((nodes, node)): State<Shared>, Json(body): Json<ConfirmRights>) -> Response {
    let behaviour = nodes.behaviours[&node];
    let mut confirmation = Confirmation {
        node: node_key(node).public(),
        cluster: nodes.info.cluster,
        grant: GRANT,
        version: body.version,
        rights: statement().hash(),
    };
    let mut key = node_key(node);
    match behaviour {
        Behaviour::Silent => std::future::pending().await,
        Behaviour::CutOff => return no(),
        Behaviour::Honest if nodes.ledger.lock().unwrap().is_none() => return no(),
        Behaviour::Honest | Behaviour::Liar => {}
        Behaviour::Later { revoked } => {
            (confirmation.version, confirmation.rights) = (3, later(revoked).hash());
        }
        Behaviour::False(Fault::Key) => {
            key = node_key(NodeId(node.0 % 3 + 1));
            confirmation.node = key.public();
        }
        Behaviour::False(Fault::Cluster) => confirmation.cluster = ClusterId([8; 32]),
        Behaviour::False(Fault::Grant) => confirmation.grant = GrantId([8; 32]),
        Behaviour::False(Fault::OlderVersion) => confirmation.version = 1,
        Behaviour::False(Fault::OtherRights) => confirmation.rights = Hash([8; 32]),
    }
    *nodes.confirmed.lock().unwrap() = true;
    let confirmation = Signed::new(&key, confirmation);
    Json(Confirmed { confirmation }).into_response()
}

/// Version 3 of the rights.
fn later(revoked: bool) -> Signed<Rights> {
    let rights = Rights {
        revoked,
        ..rights(3)
    };
    Signed::new(&owner(), rights)
}

async fn shown(State((nodes, node)): State<Shared>) -> Response {
    let Behaviour::Later { revoked } = nodes.behaviours[&node] else {
        return no();
    };
    let mut told = told_of(later(revoked), 0);
    told.grant = GRANT;
    Json(told).into_response()
}

async fn info(State((nodes, node)): State<Shared>) -> Json<ClusterInfo> {
    let key = node_key(node);
    let mut known = nodes.info.nodes.iter();
    let (_, url) = known.find(|(id, _)| *id == node).unwrap();
    let address = NodeAddress {
        key: key.public(),
        cluster: nodes.info.cluster,
        url: url.clone(),
        stated: Millis(1),
    };
    let later = nodes.later.lock().unwrap().clone();
    let is_told = node == NodeId(1) && *nodes.confirmed.lock().unwrap();
    let descriptors = later.filter(|_| is_told);
    Json(ClusterInfo {
        address: Signed::new(&key, address),
        descriptors: descriptors.unwrap_or_else(|| nodes.info.descriptors.clone()),
        ..nodes.info.clone()
    })
}

fn dealt(descriptor: &Descriptor) -> Deal {
    let part = |node: &NodeIdentity| DealtPart {
        node: node.id,
        key: node.sealing,
        x: node.id.0 as u8,
        sealed: Vec::new(),
        commitment: Hash([0; 32]),
    };
    Deal {
        owner: owner().public(),
        viewer: PublicKey([7; 32]),
        cluster: descriptor.founds().unwrap(),
        grant: GRANT,
        number: 1,
        descriptor: descriptor.hash(),
        threshold: 2,
        first_floor: FirstFloor::NEW,
        parts: descriptor.nodes.iter().map(part).collect(),
    }
}

/// Asks three nodes that behave so.
async fn ask(behaviours: [Behaviour; 3], recorded: bool) -> Confirmations {
    ask_while(behaviours, recorded, None).await
}

/// The same, while these descriptors become known.
async fn ask_while(
    behaviours: [Behaviour; 3],
    recorded: bool,
    later: Option<Descriptors>,
) -> Confirmations {
    let ids = [1, 2, 3].map(NodeId);
    let descriptor = first(&[1, 2, 3]);
    let mut listeners = Vec::new();
    for id in ids {
        listeners.push((id, MockPort::bind().await));
    }
    let urls: Vec<_> = listeners
        .iter()
        .map(|(id, port)| (*id, port.url.clone()))
        .collect();
    let cluster = descriptor.founds().unwrap();
    let nodes = Arc::new(Nodes {
        info: ClusterInfo {
            schema: 1,
            cluster,
            descriptors: Descriptors::of_first(descriptor.clone()),
            address: Signed::from_bytes(Vec::new()),
            nodes: urls.clone(),
            now: clock::now(),
        },
        behaviours: ids.into_iter().zip(behaviours).collect(),
        ledger: Mutex::new(recorded.then(statement)),
        later: Mutex::new(later),
        confirmed: Mutex::default(),
    });
    for (id, port) in listeners {
        let router = Router::new()
            .route("/v1/cluster", get(info))
            .route("/v1/grants/{grant}", get(shown))
            .route("/v1/grants/{grant}/rights", post(put))
            .route("/v1/grants/{grant}/confirmation", post(confirm))
            .with_state((nodes.clone(), id));
        port.serve(id, router);
    }
    let pinned = Pinned {
        cluster,
        nodes: urls.into_iter().map(|(_, url)| url).collect(),
    };
    let device = Arc::new(SigningKey::from_seed([6; 32]));
    let api = ClusterApi::new(pinned, device).unwrap();
    confirmations(&api, &dealt(&descriptor), &rights(2), &statement()).await
}

use Behaviour::{CutOff, Honest, Liar, Silent};

#[tokio::test]
async fn given_all_nodes_have_it_then_it_is_in_force_though_one_lies() {
    let found = ask([Honest; 3], true).await;
    let all = Confirmations {
        confirmed: 3,
        needed: 2,
        holders: 3,
    };
    assert_eq!(found, all);
    assert!(found.is_in_force());
    assert_eq!(found.tolerated_liars(), 1);
}

#[tokio::test]
async fn attack_a_revocation_answered_200_that_no_other_node_knows_is_not_in_force() {
    let found = ask([Liar, CutOff, CutOff], false).await;
    assert_eq!(found.confirmed, 1);
    assert!(!found.is_in_force());
}

#[tokio::test]
async fn attack_a_revocation_that_a_liar_kept_to_itself_is_told_to_the_others() {
    // Given a ledger that lacks the rights, of which the liar has said that it has them,
    // then the honest nodes are told them, and confirm.
    let found = ask([Liar, Honest, Honest], false).await;
    assert_eq!(found.confirmed, 3);
}

#[tokio::test]
async fn attack_false_confirmations_are_not_counted() {
    for fault in [
        Fault::Key,
        Fault::Cluster,
        Fault::Grant,
        Fault::OlderVersion,
        Fault::OtherRights,
    ] {
        let lies = Behaviour::False(fault);
        let found = ask([lies, lies, Honest], true).await;
        assert_eq!(found.confirmed, 1, "{fault:?}");
        assert!(!found.is_in_force(), "{fault:?}");
    }
}

#[tokio::test]
async fn attack_an_ending_that_was_not_recorded_is_not_in_force_by_later_rights_that_permit_more() {
    // given an ending that a liar says is recorded, while another device has signed later rights
    let permits_more = Behaviour::Later { revoked: false };
    let found = ask([Liar, permits_more, permits_more], false).await;
    // then these do not confirm it
    assert_eq!(found.confirmed, 1);
    assert!(!found.is_in_force());
    // and later rights that are ended as well do
    let ended = Behaviour::Later { revoked: true };
    let found = ask([CutOff, ended, ended], false).await;
    assert_eq!(found.confirmed, 2);
}

#[tokio::test]
async fn given_a_silent_node_then_the_others_suffice_and_two_are_waited_for_within_the_deadline() {
    let began = Instant::now();
    let found = ask([Honest, Silent, Honest], true).await;
    assert_eq!(found.confirmed, 2);
    assert!(found.is_in_force());
    assert!(began.elapsed() < CONFIRM_DEADLINE);

    let found = ask([Honest, Silent, Silent], true).await;
    assert_eq!(found.confirmed, 1);
    assert!(!found.is_in_force());
    assert!(began.elapsed() < 3 * CONFIRM_DEADLINE);
}

#[tokio::test]
async fn a_change_of_the_nodes_that_becomes_known_meanwhile_is_counted() {
    // given two nodes that confirm, and node 4 in place of node 3 unknown to the owner until then
    let changed = chain(&[&[1, 2, 3], &[1, 2, 4], &[1, 4, 5]]);
    let found = ask_while([Honest, Silent, Honest], true, Some(changed)).await;
    // then it is not in force by the nodes before: those after have not confirmed it
    assert!(!found.is_in_force(), "{found:?}");
    assert_eq!(found.confirmed, 1);
    // and it is by theirs
    let changed = chain(&[&[1, 2, 3], &[1, 2]]);
    let found = ask_while([Honest; 3], true, Some(changed)).await;
    assert!(found.is_in_force(), "{found:?}");
}
