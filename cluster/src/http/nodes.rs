//! Public reads of a node and its cluster: descriptors, status, state hash.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{
    ClusterInfo, ErrorCode, JobMemory, MemberInfo, NodeStatus, SCHEMA, StateHash, paths,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::body::InQuery;
use super::read::Freshness;
use super::{Api, Fault};
use crate::host::blocking::Blocking;
use crate::jobs::Worker;
use crate::raft::HashedState;
use cameo_machine::read;

/// Longest wait for a scan of the whole state.
const HASH_DEADLINE: Duration = Duration::from_secs(30);
/// Most concurrent scans of the whole state.
pub(super) const MAX_SCANS: usize = 1;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(paths::CLUSTER, get(cluster))
        .route(paths::STATUS, get(status))
        .route(paths::STATE_HASH, get(state_hash))
}

/// Reads without a barrier: clients check descriptors against their pin, and addresses are hints.
async fn cluster(
    State(api): State<Api>,
    InQuery(Freshness { .. }): InQuery<Freshness>,
) -> Result<Json<ClusterInfo>, Fault> {
    let descriptors = read::descriptors(&*api.replica.view());
    if descriptors.is_empty() {
        return Err(Fault::new(
            ErrorCode::Unavailable,
            "this node does not have the cluster's descriptor yet: ask another node",
        ));
    }
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
    })
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

async fn state_hash(State(api): State<Api>) -> Result<Json<StateHash>, Fault> {
    let replica = api.replica.clone();
    let state = scan(&api.scans, api.blocking, move || replica.hash()).await?;
    Ok(Json(StateHash {
        schema: SCHEMA,
        applied: state.applied,
        hash: state.hash,
    }))
}

/// Hashes the whole state, one scan at a time: a scan holds a view, which keeps later writes in
/// memory, and the path is open to anyone. A scan continues after its request has timed out.
async fn scan(
    scans: &Arc<Semaphore>,
    blocking: Blocking,
    hash: impl FnOnce() -> Option<HashedState> + Send + 'static,
) -> Result<HashedState, Fault> {
    let busy = |why| Fault::new(ErrorCode::Busy, why).retry_after(1_000);
    let permit = scans
        .clone()
        .try_acquire_owned()
        .map_err(|_| busy("the state is being hashed for another request: try again later"))?;
    let scan = blocking.run(move || {
        let hashed = hash();
        drop(permit);
        hashed
    });
    match tokio::time::timeout(HASH_DEADLINE, scan).await {
        Ok(Ok(Some(state))) => Ok(state),
        _ => Err(busy(
            "the state changes too fast to be hashed as a whole: try again later",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc;

    use cameo_common::ids::Hash;

    use super::*;

    const HASHED: HashedState = HashedState {
        applied: 7,
        hash: Hash([7; 32]),
    };

    #[tokio::test]
    async fn the_state_is_scanned_for_one_request_at_a_time() {
        // given a running scan
        let scans = Arc::new(Semaphore::new(MAX_SCANS));
        let (finish, finished) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let first = scan(&scans, Blocking::Threads, move || {
            begin.send(()).unwrap();
            finished.recv().unwrap();
            Some(HASHED)
        });
        let others = async {
            begun.await.unwrap();
            // when another is requested, then it does not start
            let second = scan(&scans, Blocking::Threads, || panic!("a second scan"))
                .await
                .unwrap_err();
            assert_eq!(second.error().code, ErrorCode::Busy);
            assert!(second.error().retry_after_ms.is_some());
            finish.send(()).unwrap();
        };
        let (first, ()) = tokio::join!(first, others);
        assert_eq!(first, Ok(HASHED));
        // and a later one does
        assert_eq!(
            scan(&scans, Blocking::Threads, || Some(HASHED)).await,
            Ok(HASHED)
        );
    }
}
