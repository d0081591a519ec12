//! Public reads of a node and its cluster: descriptors, status, state hash.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{
    ClusterInfo, DiskInfo, ErrorCode, IdentityInfo, JobMemory, MemberInfo, NodeStatus, SCHEMA,
    StateHash, WaitsForVoters, paths,
};
use cameo_common::keys::PublicKey;
use tokio::time::Instant;

use super::body::InQuery;
use super::read::Freshness;
use super::{Api, Fault};
use crate::host::disk_space::DiskStatus;
use crate::jobs::Worker;
use crate::raft::quarantine::Waits;
use cameo_machine::read;

/// Of this program.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::CLUSTER, get(cluster))
        .route(paths::STATUS, get(status))
        .route(paths::IDENTITY, get(identity))
        .route(paths::STATE_HASH, get(state_hash))
}

/// Reads without a barrier: clients check descriptors against their pin, and addresses are hints.
async fn cluster(
    State(api): State<Api>,
    InQuery(Freshness { .. }): InQuery<Freshness>,
) -> Result<Json<ClusterInfo>, Fault> {
    let Some(descriptors) = read::descriptors(&*api.replica.view()) else {
        return Err(Fault::new(
            ErrorCode::Unavailable,
            "this node does not have the cluster's descriptor yet: ask another node",
        ));
    };
    // Workers serve nobody but the owners of tickets, which name them.
    let voters = api.replica.status().voters;
    Ok(Json(ClusterInfo {
        schema: SCHEMA,
        cluster: api.cluster,
        descriptors,
        address: api.address.clone(),
        nodes: voters
            .into_iter()
            .map(|(id, member)| (id, member.http))
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
        job_memory: job_memory(&api.worker),
        quarantined: status.quarantined,
        waits: status.waits.map(waits),
        version: VERSION.to_owned(),
        disk: disk(status.disk),
        entry_version: read::entry_version(&*api.replica.view()),
        newest_entry_version: cameo_machine::newest_entry_version(),
    })
}

async fn identity(State(api): State<Api>) -> Json<IdentityInfo> {
    let status = api.replica.status();
    let members = status.voters.into_iter().chain(status.learners);
    Json(IdentityInfo {
        schema: SCHEMA,
        identity: api.identity.clone(),
        members: members
            .map(|(id, member)| (id, PublicKey(member.key)))
            .collect(),
    })
}

pub(super) fn waits(of: Waits) -> WaitsForVoters {
    WaitsForVoters {
        voters: of.voters.into_iter().collect(),
        answers_missing: of.answers_missing as u64,
        may_be_copy: of.may_be_copy,
    }
}

pub(super) fn disk(of: DiskStatus) -> DiskInfo {
    DiskInfo {
        free: of.free,
        size: of.size,
        reserve: of.reserve,
        low: of.is_low,
    }
}

fn job_memory(worker: &Worker) -> JobMemory {
    let (taken, budget) = worker.memory();
    JobMemory {
        inputs: taken.inputs,
        inputs_limit: budget.inputs,
        pictures: taken.pictures,
        pictures_limit: budget.pictures,
    }
}

async fn state_hash(State(api): State<Api>) -> Json<StateHash> {
    let state = api.replica.hash();
    Json(StateHash {
        schema: SCHEMA,
        applied: state.applied,
        hash: state.hash,
    })
}
