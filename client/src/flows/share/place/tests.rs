//! Jobs at a mock node that is the leader and all workers.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{
    ApiError, ClusterInfo, PlaceJobs, PlacedJobs, Placement, SCHEMA, TICKET_HEADER, paths,
};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::Millis;
use cameo_common::keys::{PublicKey, SealingPublic, SigningKey};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::*;
use crate::cluster_api::Pinned;
use crate::cluster_api::mock_node::{MockPort, node_key};

/// A mock worker's behaviour.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Works,
    /// Sends half of the carrier and crashes.
    Crashes,
    /// Has too little memory.
    TooSmall,
    RefusesTheJob,
    /// Rejects the ticket as of an old term.
    RejectsTheTicket,
    Busy,
    /// Returns a wrong carrier.
    ReturnsAnother,
    /// Accepts the job and stalls.
    Stalls,
}

#[derive(Clone)]
struct Node {
    info: ClusterInfo,
    url: String,
    /// Of workers 1, 2 and so on. Each job goes to the first one that it does not exclude.
    behaviours: Arc<Vec<Behaviour>>,
    /// Number of jobs in each call.
    calls: Arc<Mutex<Vec<usize>>>,
    /// Excluded workers of each job.
    excluded: Arc<Mutex<Vec<Vec<NodeId>>>>,
    /// Permits for answering calls.
    leave: Arc<Semaphore>,
}

async fn place(State(node): State<Node>, Json(asked): Json<PlaceJobs>) -> Json<PlacedJobs> {
    node.calls.lock().unwrap().push(asked.jobs.len());
    node.leave.acquire().await.unwrap().forget();
    let place = |job: &PlaceJob| {
        node.excluded.lock().unwrap().push(job.exclude.clone());
        let worker = (1..=node.behaviours.len() as u64)
            .map(NodeId)
            .find(|id| !job.exclude.contains(id));
        match worker {
            Some(worker) => Placement::Placed(Placed {
                worker,
                leader: NodeId(1),
                expected_ms: 1,
                ticket: ticket(&node, worker, job),
            }),
            None => Placement::Refused(ApiError::new(ErrorCode::LimitReached, "nobody is left")),
        }
    };
    let jobs = asked.jobs.iter().map(place).collect();
    Json(PlacedJobs { jobs })
}

/// All workers are at one address, with the key of node 1.
fn ticket(node: &Node, worker: NodeId, job: &PlaceJob) -> Signed<Ticket> {
    let ticket = Ticket {
        leader: node_key(1).public(),
        cluster: node.info.cluster,
        job: job.job,
        client: SigningKey::from_seed([7; 32]).public(),
        input: job.input,
        size: job.size,
        worker,
        worker_key: node_key(1).public(),
        url: node.url.clone(),
        incarnation: 1,
        term: 1,
        not_after: Millis::MAX,
    };
    Signed::new(&node_key(1), ticket)
}

async fn run(State(node): State<Node>, headers: HeaderMap, input: Bytes) -> Response {
    let ticket = BASE64URL_NOPAD.decode(headers[TICKET_HEADER].as_bytes());
    let ticket: Ticket = Signed::from_bytes(ticket.unwrap()).verify().unwrap();
    let worker = ticket.worker.0 as usize;
    let refuse = |code| (StatusCode::BAD_REQUEST, Json(ApiError::new(code, "no"))).into_response();
    match node.behaviours[worker - 1] {
        Behaviour::Works => input.into_response(),
        Behaviour::Crashes => {
            let half = input.slice(..input.len() / 2);
            let pieces = [Ok(half), Err(std::io::Error::other("the worker crashes"))];
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
        Behaviour::TooSmall => refuse(ErrorCode::WorkerTooSmall),
        Behaviour::RefusesTheJob => refuse(ErrorCode::BadJob),
        Behaviour::RejectsTheTicket => refuse(ErrorCode::BadTicket),
        Behaviour::Busy => refuse(ErrorCode::Busy),
        Behaviour::ReturnsAnother => "something else".into_response(),
        Behaviour::Stalls => std::future::pending().await,
    }
}

async fn node(behaviours: &[Behaviour]) -> (ClusterApi, Node) {
    let identity = |number| NodeIdentity {
        id: NodeId(u64::from(number)),
        key: node_key(u64::from(number)).public(),
        sealing: SealingPublic([2; 32]),
    };
    let count = u8::try_from(behaviours.len()).unwrap();
    let identities = (1..=count).map(identity).collect();
    let descriptor = Descriptor::genesis(
        identities,
        PublicKey([8; 32]),
        RegistrationMode::Open,
        Hash([3; 32]),
    );
    let cluster = descriptor.founds().unwrap();
    let port = MockPort::bind().await;
    let url = port.url.clone();
    let nodes = (1..=behaviours.len() as u64).map(|id| (NodeId(id), url.clone()));
    let node = Node {
        info: ClusterInfo {
            schema: SCHEMA,
            cluster,
            descriptors: Descriptors::of_first(descriptor),
            address: Signed::from_bytes(Vec::new()),
            nodes: nodes.collect(),
            now: clock::now(),
        },
        url: url.clone(),
        behaviours: Arc::new(behaviours.to_vec()),
        calls: Arc::default(),
        excluded: Arc::default(),
        leave: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
    };
    let tell = async |State(node): State<Node>| Json(node.info);
    let router = Router::new()
        .route(paths::CLUSTER, get(tell))
        .route(paths::JOBS, post(place))
        .route(paths::RUN_JOB, post(run))
        .with_state(node.clone());
    port.serve(1, router);
    let nodes = vec![url];
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    let api = ClusterApi::new(Pinned { cluster, nodes }, device).unwrap();
    (api, node)
}

const INPUT: Bytes = Bytes::from_static(b"what is to be hidden");

async fn hidden(
    api: &ClusterApi,
    ready: JobAnnouncement,
) -> (Result<Hidden, PlaceError>, Vec<String>) {
    let steps = Mutex::new(Vec::new());
    let step = |step: &str| steps.lock().unwrap().push(step.to_owned());
    let verify = |png: Bytes| {
        let wrong = || CheckError::Other("it is another".into());
        let checked = (png == INPUT).then_some(()).ok_or_else(wrong);
        std::future::ready(checked).boxed()
    };
    let hidden = super::run(api, INPUT, ready, verify, &step).await;
    (hidden, steps.into_inner().unwrap())
}

#[tokio::test]
async fn a_worker_that_crashes_during_its_answer_is_excluded_from_the_retry() {
    let (api, _) = node(&[Behaviour::Crashes, Behaviour::Works]).await;
    let (hidden, steps) = hidden(&api, api.announce_job()).await;
    let hidden = hidden.unwrap();
    assert_eq!((hidden.worker, hidden.png), (NodeId(2), INPUT));
    assert_eq!(steps.len(), 2);
    assert!(steps[0].ends_with("trying another worker"), "{steps:?}");
}

#[tokio::test]
async fn attack_a_worker_that_returns_a_wrong_carrier_is_excluded() {
    let (api, _) = node(&[Behaviour::ReturnsAnother, Behaviour::Works]).await;
    let (hidden, steps) = hidden(&api, api.announce_job()).await;
    assert_eq!(hidden.unwrap().worker, NodeId(2));
    assert!(
        steps
            .iter()
            .any(|step| step.contains("node 1") && step.ends_with("trying another worker")),
        "{steps:?}"
    );
}

#[tokio::test]
async fn attack_a_stalled_worker_is_abandoned_before_the_deadline() {
    let (api, _) = node(&[Behaviour::Stalls, Behaviour::Works]).await;
    let (hidden, steps) = hidden(&api, api.announce_job()).await;
    assert_eq!(hidden.unwrap().worker, NodeId(2));
    let why = "worker 1 failed: it stalled for 5.0 s; trying another worker";
    assert_eq!(steps[0], why);
}

#[tokio::test]
async fn the_last_worker_is_waited_for_until_the_deadline() {
    let (api, _) = node(&[Behaviour::Stalls]).await;
    let hidden = tokio::spawn(async move { hidden(&api, api.announce_job()).await.0 });
    let longer = crate::cluster_api::JOB_STALL_TIMEOUT + Duration::from_secs(1);
    assert!(timeout(longer, hidden).await.is_err());
}

#[tokio::test]
async fn a_rejected_ticket_is_replaced_and_excludes_its_worker_the_second_time() {
    let (api, node) = node(&[Behaviour::RejectsTheTicket, Behaviour::Works]).await;
    let (hidden, _) = hidden(&api, api.announce_job()).await;
    // The second rejection by the same worker means that its clock is wrong.
    assert_eq!(hidden.unwrap().worker, NodeId(2));
    assert_eq!(
        *node.excluded.lock().unwrap(),
        [vec![], vec![], vec![NodeId(1)]]
    );
}

#[tokio::test]
async fn busy_workers_are_reported_as_busy() {
    let (api, _) = node(&[Behaviour::Busy, Behaviour::Busy, Behaviour::Works]).await;
    let (failed, _) = hidden(&api, api.announce_job()).await;
    assert!(matches!(failed, Err(PlaceError::Busy(_))));
}

#[tokio::test]
async fn a_worker_with_too_little_memory_is_excluded() {
    let (api, _) = node(&[Behaviour::TooSmall, Behaviour::Works]).await;
    let (hidden, _) = hidden(&api, api.announce_job()).await;
    assert_eq!(hidden.unwrap().worker, NodeId(2));
}

#[tokio::test]
async fn after_two_failed_workers_the_job_fails() {
    let (api, node) = node(&[Behaviour::Crashes, Behaviour::Crashes, Behaviour::Works]).await;
    let (failed, _) = hidden(&api, api.announce_job()).await;
    assert!(matches!(failed, Err(PlaceError::NoWorker(_))));
    assert_eq!(*node.calls.lock().unwrap(), [1, 1]);
}

#[tokio::test]
async fn a_job_that_every_worker_would_refuse_is_tried_once() {
    let (api, node) = node(&[Behaviour::RefusesTheJob, Behaviour::Works]).await;
    let (failed, _) = hidden(&api, api.announce_job()).await;
    let Err(PlaceError::Cluster(refused)) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(refused.code(), Some(ErrorCode::BadJob));
    assert_eq!(*node.calls.lock().unwrap(), [1]);
}

#[tokio::test]
async fn jobs_prepared_together_are_placed_by_one_call() {
    // Given three announced jobs, and a fourth one that is dropped,
    let (api, node) = node(&[Behaviour::Works]).await;
    let ready: Vec<JobAnnouncement> = (0..3).map(|_| api.announce_job()).collect();
    drop(api.announce_job());
    // when they become ready one after the other,
    let all = join_all(ready.into_iter().map(|ready| hidden(&api, ready))).await;
    // then they are placed by one call.
    assert!(all.into_iter().all(|(hidden, _)| hidden.is_ok()));
    assert_eq!(*node.calls.lock().unwrap(), [3]);
}

#[tokio::test]
async fn jobs_that_become_ready_during_a_call_form_the_next_batch() {
    // Given a call that the leader does not answer yet,
    let (api, node) = node(&[Behaviour::Works]).await;
    node.leave.forget_permits(Semaphore::MAX_PERMITS);
    let spawn = || {
        let api = api.clone();
        tokio::spawn(async move { hidden(&api, api.announce_job()).await.0 })
    };
    let first = spawn();
    until(|| node.calls.lock().unwrap().len() == 1).await;
    // when two more jobs become ready and the first one is cancelled,
    let (second, third) = (spawn(), spawn());
    until(|| api.waiting_for_placement() == 2).await;
    first.abort();
    // then they are placed by one call.
    node.leave.add_permits(100);
    assert!(second.await.unwrap().is_ok() && third.await.unwrap().is_ok());
    assert_eq!(*node.calls.lock().unwrap(), [1, 2]);
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "the condition did not hold in time"
        );
        tokio::task::yield_now().await;
    }
}
