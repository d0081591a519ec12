//! What a node tells of itself and its cluster, to anyone.

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{ClusterInfo, ErrorCode, MemberInfo, NodeStatus, SCHEMA, StateHash, paths};
use tokio::time::Instant;

use super::body::InQuery;
use super::read::Freshness;
use super::{Api, Fault};
use crate::machine::read;

/// Longest that a walk over the whole state may take.
const HASH_DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::CLUSTER, get(cluster))
        .route(paths::STATUS, get(status))
        .route(paths::STATE_HASH, get(state_hash))
}

/// Without a barrier: descriptors are checked by whoever pinned one, and addresses are hints.
async fn cluster(
    State(api): State<Api>,
    InQuery(Freshness { .. }): InQuery<Freshness>,
) -> Result<Json<ClusterInfo>, Fault> {
    let descriptors = read::descriptors(&*api.replica.view());
    if descriptors.is_empty() {
        return Err(Fault::new(
            ErrorCode::Unavailable,
            "this node has not heard from its cluster yet: ask another node",
        ));
    }
    let status = api.replica.status();
    let members = status.voters.iter().chain(&status.learners);
    Ok(Json(ClusterInfo {
        schema: SCHEMA,
        cluster: api.cluster,
        descriptors,
        nodes: members
            .map(|(id, member)| (*id, member.http.clone()))
            .collect(),
        now: api.clock.unix_millis(),
    }))
}

async fn status(State(api): State<Api>) -> Json<NodeStatus> {
    let status = api.replica.status();
    let mut loads = if status.leader == Some(api.node) {
        api.dispatcher.loads(Instant::now())
    } else {
        Default::default()
    };
    let voters = status.voters.iter().map(|member| (member, true));
    let learners = status.learners.iter().map(|member| (member, false));
    let members = voters
        .chain(learners)
        .map(|((id, member), voter)| MemberInfo {
            id: *id,
            url: member.http.clone(),
            voter,
            load: loads.remove(id),
        })
        .collect();
    Json(NodeStatus {
        schema: SCHEMA,
        node: api.node,
        cluster: read::cluster_id(&*api.replica.view()),
        leader: status.leader,
        term: status.term,
        committed: status.committed,
        applied: status.applied,
        members,
        jobs_finished: api.worker.finished(),
    })
}

async fn state_hash(State(api): State<Api>) -> Result<Json<StateHash>, Fault> {
    let replica = api.replica.clone();
    let walk = tokio::task::spawn_blocking(move || replica.hash());
    let hashed = tokio::time::timeout(HASH_DEADLINE, walk).await;
    match hashed {
        Ok(Ok(Some(state))) => Ok(Json(StateHash {
            applied: state.applied,
            hash: state.hash,
        })),
        _ => Err(Fault::new(
            ErrorCode::Busy,
            "the state changes too fast to read all of it at once: try again later",
        )
        .retry_after(1_000)),
    }
}
