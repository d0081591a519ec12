//! Mock nodes with configurable debits and releases.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cameo_common::api::{
    ApiError, ClusterInfo, DebitView, Debited, ErrorCode, GrantInfo, ReleasePart, Released,
};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{PartContext, ReleaseContext, open_part, release_part};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, NodeAddress};
use data_encoding::BASE64URL_NOPAD;
use tokio::sync::Notify;
use tokio::time::{Duration, timeout};

use crate::clock;

/// The state of the mock nodes.
pub(super) struct Cluster {
    pub info: ClusterInfo,
    pub secrets: HashMap<NodeId, SealingSecret>,
    /// The newest deal, by which parts are released.
    pub deal: Mutex<Signed<Deal>>,
    /// Those that the next debits are answered with in place of it.
    pub older_deals: Mutex<Vec<Signed<Deal>>>,
    /// The chain of descriptors, once the nodes have changed.
    pub changed: Mutex<Option<Descriptors>>,
    pub permitted: u32,
    /// Charged requests, in order.
    pub debits: Mutex<Vec<RequestId>>,
    pub charged: Notify,
    /// Who was asked for a part, and whether after the debit.
    pub asked: Mutex<Vec<(NodeId, bool)>>,
    /// Each node's behaviour when it is asked for its part.
    pub behaviours: Mutex<HashMap<NodeId, Behaviour>>,
    /// Nodes that return a false index of a debit.
    pub indices: Mutex<HashMap<NodeId, u64>>,
    /// The answer to an index that a node has not applied.
    pub unread: Mutex<(ErrorCode, StatusCode)>,
    /// Nodes that refuse any debit.
    pub refusing: Mutex<HashMap<NodeId, ErrorCode>>,
    /// Where each node says it is, in its own words.
    pub addresses: HashMap<NodeId, Signed<NodeAddress>>,
    /// A node that says of all others that they are where it is.
    pub misleading: Mutex<Option<NodeId>>,
    /// What the ledger has of the grant.
    pub shown: Mutex<GrantInfo>,
    /// How often any node was asked for that.
    pub looks: AtomicUsize,
    /// What nodes say of it instead.
    pub false_words: Mutex<HashMap<NodeId, GrantInfo>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Behaviour {
    Honest,
    Down,
    False,
    /// Bytes that are no sealed part at all.
    Garbage,
    NotDebited,
}

impl Cluster {
    /// Whether a view is charged; before the end of its debit, whether it comes soon.
    async fn is_charged(&self, request: &RequestId, is_after: bool) -> bool {
        let comes = async {
            loop {
                let charged = self.charged.notified();
                if self.debits.lock().unwrap().contains(request) {
                    return;
                }
                assert!(!is_after, "an index is told only of charged views");
                charged.await;
            }
        };
        timeout(Duration::from_secs(2), comes).await.is_ok()
    }

    /// What a node tells of the cluster.
    pub fn told_by(&self, node: NodeId) -> ClusterInfo {
        let address = self.addresses[&node].clone();
        let mut nodes = self.info.nodes.clone();
        if *self.misleading.lock().unwrap() == Some(node) {
            let own = address.unverified().unwrap().url;
            nodes.iter_mut().for_each(|(_, url)| url.clone_from(&own));
        }
        let changed = self.changed.lock().unwrap().clone();
        ClusterInfo {
            address,
            nodes,
            descriptors: changed.unwrap_or_else(|| self.info.descriptors.clone()),
            ..self.info.clone()
        }
    }
}

/// The log index of every debit, which is also the last applied one.
pub(super) const INDEX: u64 = 7;
pub(super) const UNREAD: [(ErrorCode, StatusCode); 2] = [
    (ErrorCode::NotDebited, StatusCode::FORBIDDEN),
    (ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
];

pub(super) type Shared = (Arc<Cluster>, NodeId);

fn no(code: ErrorCode, status: StatusCode) -> Response {
    (status, Json(ApiError::new(code, "no"))).into_response()
}

pub(super) async fn told(State((cluster, node)): State<Shared>) -> Json<GrantInfo> {
    cluster.looks.fetch_add(1, Ordering::Relaxed);
    let lie = cluster.false_words.lock().unwrap().get(&node).cloned();
    Json(lie.unwrap_or_else(|| cluster.shown.lock().unwrap().clone()))
}

pub(super) async fn debit(
    State((cluster, node)): State<Shared>,
    Json(body): Json<DebitView>,
) -> Response {
    let request = body.request.verify().unwrap();
    let mut debits = cluster.debits.lock().unwrap();
    if !debits.contains(&request.request) {
        if debits.len() >= cluster.permitted as usize {
            return no(ErrorCode::UsedUp, StatusCode::FORBIDDEN);
        }
        debits.push(request.request);
        cluster.charged.notify_waiters();
    }
    let at = debits.iter().position(|id| *id == request.request).unwrap();
    let number = u32::try_from(at).unwrap() + 1;
    if let Some(code) = cluster.refusing.lock().unwrap().get(&node) {
        return no(*code, StatusCode::FORBIDDEN);
    }
    let index = cluster.indices.lock().unwrap().get(&node).copied();
    let older = cluster.older_deals.lock().unwrap().pop();
    Json(Debited {
        grant: request.grant,
        request: request.request,
        number,
        used: number,
        left: cluster.permitted - number,
        index: index.unwrap_or(INDEX),
        deal: older.unwrap_or_else(|| cluster.deal.lock().unwrap().clone()),
    })
    .into_response()
}

pub(super) async fn part(
    State((cluster, node)): State<Shared>,
    UrlPath(_): UrlPath<String>,
    Json(body): Json<ReleasePart>,
) -> Response {
    let request = body.request.verify().unwrap();
    let is_after = body.index.is_some();
    cluster.asked.lock().unwrap().push((node, is_after));
    if !cluster.is_charged(&request.request, is_after).await {
        return no(ErrorCode::NotDebited, StatusCode::FORBIDDEN);
    }
    if body.index.is_some_and(|index| index > INDEX) {
        let (code, status) = *cluster.unread.lock().unwrap();
        return no(code, status);
    }
    let behaviour = cluster.behaviours.lock().unwrap()[&node];
    match behaviour {
        Behaviour::Down => return no(ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        Behaviour::NotDebited => return no(ErrorCode::NotDebited, StatusCode::FORBIDDEN),
        Behaviour::Honest | Behaviour::False | Behaviour::Garbage => {}
    }
    let deal = cluster.deal.lock().unwrap().unverified().unwrap();
    let Some(dealt) = deal.parts.iter().find(|part| part.node == node) else {
        return no(ErrorCode::BadDeal, StatusCode::FORBIDDEN);
    };
    let context = PartContext::of(&deal, dealt);
    let mut opened = open_part(&cluster.secrets[&node], &context, dealt).unwrap();
    if behaviour == Behaviour::False {
        opened[5] ^= 1;
    }
    let release = ReleaseContext {
        part: context,
        request: request.request,
        request_hash: body.request.hash(),
    };
    let mut released =
        release_part(&mut clock::rng(), &release, &request.one_time, &opened).unwrap();
    if behaviour == Behaviour::Garbage {
        released.sealed = vec![0xff; 7];
    }
    Json(Released {
        node,
        deal: deal.number,
        x: released.x,
        sealed: BASE64URL_NOPAD.encode(&released.sealed),
    })
    .into_response()
}
