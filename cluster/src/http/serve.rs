//! The listener, and what it says while the cluster has not formed.

use axum::extract::State;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use cameo_common::api::{ErrorCode, MemberInfo, NodeStatus, SCHEMA, paths};
use cameo_common::ids::NodeId;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Fault;
use crate::node::Stage;
use crate::raft::Raft;

/// Serves clients until `end`, then finishes the calls under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    end: impl Future<Output = ()> + Send + 'static,
) {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    // Errors of single connections do not end the loop, so that there is none to handle.
    let _never = axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await;
}

/// A node whose cluster has not formed.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub node: NodeId,
    pub raft: Raft,
    pub stage: watch::Receiver<Stage>,
}

impl Waiting {
    /// Tells the node's status, and whoever wants more to wait.
    #[must_use]
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
    })
}

async fn wait(State(waiting): State<Waiting>) -> Fault {
    let why = match &*waiting.stage.borrow() {
        Stage::Waiting(why) => why.clone(),
        Stage::Ready(_) => "starting".to_owned(),
    };
    let message = format!("this node does not serve its cluster yet: {why}");
    Fault::new(ErrorCode::Unavailable, message).retry_after(1_000)
}
