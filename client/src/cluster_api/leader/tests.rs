//! A node that was asked, and another one that it names as the leader.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{LoadInfo, MemberInfo};
use cameo_common::ids::ClusterId;
use cameo_common::keys::SigningKey;

use super::*;
use crate::cluster_api::Pinned;
use crate::cluster_api::mock_node::MockPort;

const OURS: ClusterId = ClusterId([3; 32]);
const LOAD: LoadInfo = LoadInfo {
    cpu_share: 0.5,
    quota_millicores: 2000,
    usable_millicores: 1900,
    running: 1,
    queued: 0,
    backlog_cpu_ms: 40,
    incoming: 0,
    draining: false,
    full: false,
    age_ms: 12,
};

fn status(node: NodeId, leader: Option<NodeId>, term: u64) -> NodeStatus {
    NodeStatus {
        schema: 1,
        node,
        cluster: Some(OURS),
        leader,
        term,
        committed: 9,
        applied: 9,
        members: vec![],
        jobs_finished: 0,
        job_memory: cameo_common::api::JobMemory::default(),
        quarantined: false,
        waits: None,
        version: String::new(),
        disk: cameo_common::api::DiskInfo::default(),
        entry_version: 6,
        newest_entry_version: 6,
    }
}

fn of_leader(term: u64) -> NodeStatus {
    let member = MemberInfo {
        id: NodeId(2),
        url: String::new(),
        voter: true,
        load: Some(LOAD),
    };
    NodeStatus {
        members: vec![member],
        ..status(NodeId(2), Some(NodeId(2)), term)
    }
}

fn api() -> ClusterApi {
    let pinned = Pinned {
        cluster: OURS,
        nodes: vec!["https://127.0.0.1:1".to_owned()],
    };
    ClusterApi::new(pinned, Arc::new(SigningKey::from_seed([7; 32]))).unwrap()
}

/// The leader's status when node 1 names node 2, at this URL, as the leader of term 5.
async fn asked(url: String) -> Result<NodeStatus, LoadsUnavailable> {
    let api = api();
    let mut first = status(NodeId(1), Some(NodeId(2)), 5);
    first.members.push(MemberInfo {
        id: NodeId(2),
        url,
        voter: true,
        load: None,
    });
    // An older answer of a former leader.
    api.status_of_leader(&[status(NodeId(3), Some(NodeId(3)), 4), first])
        .await
}

/// A node with this answer, and the number of its requests.
async fn answering(status: NodeStatus) -> (String, Arc<AtomicUsize>) {
    let times = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&times);
    let answer = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Json(status)
    };
    let port = MockPort::bind().await;
    let url = port.url.clone();
    let router = Router::new().route("/v1/status", get(answer));
    port.serve(2, router);
    (url, times)
}

#[tokio::test]
async fn a_leader_without_an_answer_is_asked_once() {
    let (url, times) = answering(of_leader(5)).await;
    let told = asked(url + "/").await.unwrap();
    assert_eq!(told.members[0].load, Some(LOAD));
    assert_eq!(times.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_leader_that_has_answered_is_not_asked_again() {
    let api = api();
    let answers = [status(NodeId(1), Some(NodeId(2)), 5), of_leader(5)];
    assert_eq!(api.status_of_leader(&answers).await, Ok(of_leader(5)));
}

#[tokio::test]
async fn loads_of_an_older_term_are_not_used_while_a_newer_one_has_no_leader() {
    let answers = [of_leader(4), status(NodeId(1), None, 6)];
    let told = api().status_of_leader(&answers).await;
    assert_eq!(told, Err(LoadsUnavailable::Changing));
}

#[tokio::test]
async fn loads_of_a_node_that_does_not_lead_now_are_not_used() {
    let other_cluster = NodeStatus {
        cluster: Some(ClusterId([4; 32])),
        ..of_leader(5)
    };
    let not_leading = NodeStatus {
        leader: Some(NodeId(3)),
        ..of_leader(6)
    };
    for answer in [of_leader(4), not_leading, other_cluster] {
        let (url, _) = answering(answer).await;
        assert_eq!(asked(url).await, Err(LoadsUnavailable::Changing));
    }
}

#[tokio::test]
async fn a_leader_that_cannot_be_asked_is_named() {
    // Nothing listens at the first; plain HTTP is not allowed to the second.
    for url in ["https://127.0.0.1:1", "http://127.0.0.1:7101"] {
        assert_eq!(
            asked(url.to_owned()).await,
            Err(LoadsUnavailable::NotReached(NodeId(2)))
        );
    }
}

#[tokio::test]
async fn without_a_leader_there_are_no_loads() {
    let api = api();
    let answers = [status(NodeId(1), None, 5)];
    assert_eq!(
        api.status_of_leader(&answers).await,
        Err(LoadsUnavailable::NoLeader)
    );
}
