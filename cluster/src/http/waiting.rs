//! The HTTP API of a node that does not serve its cluster yet: status only.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{ErrorCode, JobMemory, MemberInfo, NodeStatus, SCHEMA, paths};
use cameo_common::ids::NodeId;

use super::Fault;
use crate::raft::Raft;

/// A node that does not serve its cluster yet.
#[derive(Clone)]
pub struct Waiting {
    pub node: NodeId,
    pub raft: Raft,
    /// What the node waits for.
    pub reason: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiting at node {}", self.node)
    }
}

impl Waiting {
    /// Routes: the node's status, and "unavailable" for all other paths.
    pub fn router(self) -> Router {
        Router::new()
            .route(paths::STATUS, get(status))
            .fallback(wait)
            .with_state(self)
    }
}

async fn status(State(waiting): State<Waiting>) -> Json<NodeStatus> {
    let status = waiting.raft.status();
    let voters = status.voters.iter().map(|(id, member)| MemberInfo {
        id: *id,
        url: member.http.clone(),
        voter: true,
        load: None,
    });
    Json(NodeStatus {
        schema: SCHEMA,
        node: waiting.node,
        cluster: None,
        leader: status.leader,
        term: status.term,
        committed: status.committed,
        applied: status.applied,
        members: voters.collect(),
        jobs_finished: 0,
        job_memory: JobMemory::default(),
        quarantined: status.quarantined,
        waits: status.waits.map(super::nodes::waits),
        version: super::nodes::VERSION.to_owned(),
        disk: super::nodes::disk(status.disk),
        entry_version: 0,
        newest_entry_version: cameo_machine::newest_entry_version(),
    })
}

async fn wait(State(waiting): State<Waiting>) -> Fault {
    let why = (waiting.reason)();
    let message = format!("this node does not serve its cluster yet: {why}");
    Fault::new(ErrorCode::Unavailable, message).retry_after(1_000)
}
