//! What a node tells of itself and its cluster, to anyone.

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
use crate::jobs::Worker;
use crate::raft::HashedState;
use cameo_machine::read;

/// Longest that a walk over the whole state may take.
const HASH_DEADLINE: Duration = Duration::from_secs(30);
/// Walks over the whole state at once.
pub(super) const WALKS: usize = 1;

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
    let state = walk(&api.walks, move || replica.hash()).await?;
    Ok(Json(StateHash {
        schema: SCHEMA,
        applied: state.applied,
        hash: state.hash,
    }))
}

/// Walks over the whole state, one at a time: each holds a view, which keeps what is written
/// meanwhile in memory, and anybody may ask. One that has run out of time is still under way.
async fn walk(
    walks: &Arc<Semaphore>,
    hash: impl FnOnce() -> Option<HashedState> + Send + 'static,
) -> Result<HashedState, Fault> {
    let busy = |why| Fault::new(ErrorCode::Busy, why).retry_after(1_000);
    let place = walks
        .clone()
        .try_acquire_owned()
        .map_err(|_| busy("the state is being read for somebody else: try again later"))?;
    let walk = tokio::task::spawn_blocking(move || {
        let hashed = hash();
        drop(place);
        hashed
    });
    match tokio::time::timeout(HASH_DEADLINE, walk).await {
        Ok(Ok(Some(state))) => Ok(state),
        _ => Err(busy(
            "the state changes too fast to read all of it at once: try again later",
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
    async fn the_state_is_walked_over_for_one_asker_at_a_time() {
        // given a walk that is under way
        let walks = Arc::new(Semaphore::new(WALKS));
        let (finish, finished) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let first = walk(&walks, move || {
            begin.send(()).unwrap();
            finished.recv().unwrap();
            Some(HASHED)
        });
        let others = async {
            begun.await.unwrap();
            // when another is asked for, then it does not begin
            let second = walk(&walks, || panic!("a second walk")).await.unwrap_err();
            assert_eq!(second.error().code, ErrorCode::Busy);
            assert!(second.error().retry_after_ms.is_some());
            finish.send(()).unwrap();
        };
        let (first, ()) = tokio::join!(first, others);
        assert_eq!(first, Ok(HASHED));
        // and the next one does
        assert_eq!(walk(&walks, || Some(HASHED)).await, Ok(HASHED));
    }
}
