//! Jobs on a node of our own making: it leads, and is all workers at once.

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
use cameo_common::keys::{PublicKey, SealingPublic, SigningKey};
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::*;
use crate::cluster_api::Pinned;

/// What a worker does with a job.
#[derive(Debug, Clone, Copy)]
enum Habit {
    Works,
    /// Sends half of a picture and dies.
    BreaksOff,
    /// Says that it has too little memory.
    TooSmall,
    RefusesTheJob,
    /// Says that the ticket is of an old term.
    RefusesTheTicket,
    Busy,
    /// Gives back something else.
    Lies,
    /// Takes the job, and is heard of no more.
    StandsStill,
}

#[derive(Clone)]
struct Node {
    info: ClusterInfo,
    url: String,
    /// Of worker 1, worker 2 and so on; each job goes to the first that it does not exclude.
    habits: Arc<Vec<Habit>>,
    /// How many jobs each call had.
    calls: Arc<Mutex<Vec<usize>>>,
    /// What each job excluded.
    excluded: Arc<Mutex<Vec<Vec<NodeId>>>>,
    /// Calls that may be answered.
    leave: Arc<Semaphore>,
}

async fn place(State(node): State<Node>, Json(asked): Json<PlaceJobs>) -> Json<PlacedJobs> {
    node.calls.lock().unwrap().push(asked.jobs.len());
    node.leave.acquire().await.unwrap().forget();
    let place = |job: &PlaceJob| {
        node.excluded.lock().unwrap().push(job.exclude.clone());
        let worker = (1..=node.habits.len() as u64)
            .map(NodeId)
            .find(|id| !job.exclude.contains(id));
        match worker {
            Some(worker) => Placement::Placed(Placed {
                worker,
                url: node.url.clone(),
                leader: NodeId(9),
                expected_ms: 1,
                ticket: Signed::from_bytes(vec![worker.0 as u8]),
            }),
            None => Placement::Refused(ApiError::new(ErrorCode::LimitReached, "nobody is left")),
        }
    };
    let jobs = asked.jobs.iter().map(place).collect();
    Json(PlacedJobs { jobs })
}

async fn run(State(node): State<Node>, headers: HeaderMap, input: Bytes) -> Response {
    let ticket = BASE64URL_NOPAD.decode(headers[TICKET_HEADER].as_bytes());
    let worker = usize::from(ticket.unwrap()[0]);
    let refuse = |code| (StatusCode::BAD_REQUEST, Json(ApiError::new(code, "no"))).into_response();
    match node.habits[worker - 1] {
        Habit::Works => input.into_response(),
        Habit::BreaksOff => {
            let half = input.slice(..input.len() / 2);
            let pieces = [Ok(half), Err(std::io::Error::other("the worker dies"))];
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
        Habit::TooSmall => refuse(ErrorCode::WorkerTooSmall),
        Habit::RefusesTheJob => refuse(ErrorCode::BadJob),
        Habit::RefusesTheTicket => refuse(ErrorCode::BadTicket),
        Habit::Busy => refuse(ErrorCode::Busy),
        Habit::Lies => "something else".into_response(),
        Habit::StandsStill => std::future::pending().await,
    }
}

async fn node(habits: &[Habit]) -> (ClusterApi, Node) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = NodeIdentity {
        id: NodeId(1),
        key: PublicKey([1; 32]),
        sealing: SealingPublic([2; 32]),
    };
    let descriptor = Descriptor::genesis(vec![identity], Hash([3; 32]));
    let cluster = descriptor.founds().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let nodes = (1..=habits.len() as u64).map(|id| (NodeId(id), url.clone()));
    let node = Node {
        info: ClusterInfo {
            schema: SCHEMA,
            cluster,
            descriptors: vec![descriptor],
            nodes: nodes.collect(),
            now: clock::now(),
        },
        url: url.clone(),
        habits: Arc::new(habits.to_vec()),
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
    tokio::spawn(async move { axum::serve(listener, router).await });
    let nodes = vec![url];
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    let api = ClusterApi::new(Pinned { cluster, nodes }, device).unwrap();
    (api, node)
}

const INPUT: Bytes = Bytes::from_static(b"what is to be hidden");

async fn hidden(api: &ClusterApi, ready: Preparing) -> (Result<Hidden, PlaceError>, Vec<String>) {
    let steps = Mutex::new(Vec::new());
    let step = |step: &str| steps.lock().unwrap().push(step.to_owned());
    let as_asked = |png: Bytes| {
        let wrong = || CheckError::Other("it is another".into());
        let checked = (png == INPUT).then_some(()).ok_or_else(wrong);
        std::future::ready(checked).boxed()
    };
    let hidden = have_done(api, INPUT, ready, as_asked, &step).await;
    (hidden, steps.into_inner().unwrap())
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_of_its_answer_is_left_out_of_one_retry() {
    let (api, _) = node(&[Habit::BreaksOff, Habit::Works]).await;
    let (hidden, steps) = hidden(&api, api.preparing()).await;
    let hidden = hidden.unwrap();
    assert_eq!((hidden.worker, hidden.png), (NodeId(2), INPUT));
    assert_eq!(steps.len(), 2);
    assert!(steps[0].ends_with("trying another worker"), "{steps:?}");
}

#[tokio::test]
async fn a_worker_that_gives_back_something_else_is_left_out_too() {
    let (api, _) = node(&[Habit::Lies, Habit::Works]).await;
    let (hidden, steps) = hidden(&api, api.preparing()).await;
    assert_eq!(hidden.unwrap().worker, NodeId(2));
    assert!(
        steps
            .iter()
            .any(|step| step.contains("node 1") && step.ends_with("trying another worker")),
        "{steps:?}"
    );
}

#[tokio::test]
async fn a_worker_that_stands_still_is_given_up_long_before_the_longest_job_ends() {
    let (api, _) = node(&[Habit::StandsStill, Habit::Works]).await;
    let (hidden, steps) = hidden(&api, api.preparing()).await;
    assert_eq!(hidden.unwrap().worker, NodeId(2));
    let why = "worker 1 did not do it: it stalled for 5.0 s; trying another worker";
    assert_eq!(steps[0], why);
}

#[tokio::test]
async fn the_last_worker_that_is_tried_is_waited_for() {
    let (api, _) = node(&[Habit::StandsStill]).await;
    let hidden = tokio::spawn(async move { hidden(&api, api.preparing()).await.0 });
    let longer = crate::cluster_api::JOB_STALL_TIMEOUT + Duration::from_secs(1);
    assert!(timeout(longer, hidden).await.is_err());
}

#[tokio::test]
async fn a_ticket_that_is_no_longer_good_costs_another_and_excludes_nobody() {
    let (api, node) = node(&[Habit::RefusesTheTicket, Habit::Works]).await;
    let (hidden, _) = hidden(&api, api.preparing()).await;
    // Twice by one worker: its clock is wrong, and another is asked.
    assert_eq!(hidden.unwrap().worker, NodeId(2));
    assert_eq!(
        *node.excluded.lock().unwrap(),
        [vec![], vec![], vec![NodeId(1)]]
    );
}

#[tokio::test]
async fn workers_that_have_enough_to_do_say_nothing_about_the_photo() {
    let (api, _) = node(&[Habit::Busy, Habit::Busy, Habit::Works]).await;
    let (failed, _) = hidden(&api, api.preparing()).await;
    assert!(matches!(failed, Err(PlaceError::Busy(_))));
}

#[tokio::test]
async fn a_worker_with_too_little_memory_is_left_out_too() {
    let (api, _) = node(&[Habit::TooSmall, Habit::Works]).await;
    let (hidden, _) = hidden(&api, api.preparing()).await;
    assert_eq!(hidden.unwrap().worker, NodeId(2));
}

#[tokio::test]
async fn a_second_worker_that_fails_is_the_last() {
    let (api, node) = node(&[Habit::BreaksOff, Habit::BreaksOff, Habit::Works]).await;
    let (failed, _) = hidden(&api, api.preparing()).await;
    assert!(matches!(failed, Err(PlaceError::NoWorker(_))));
    assert_eq!(*node.calls.lock().unwrap(), [1, 1]);
}

#[tokio::test]
async fn a_job_that_every_worker_would_refuse_is_tried_once() {
    let (api, node) = node(&[Habit::RefusesTheJob, Habit::Works]).await;
    let (failed, _) = hidden(&api, api.preparing()).await;
    let Err(PlaceError::Cluster(refused)) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(refused.code(), Some(ErrorCode::BadJob));
    assert_eq!(*node.calls.lock().unwrap(), [1]);
}

#[tokio::test]
async fn jobs_that_are_made_ready_together_are_placed_by_one_call() {
    // given three that are being made ready, and a fourth that comes to nothing
    let (api, node) = node(&[Habit::Works]).await;
    let ready: Vec<Preparing> = (0..3).map(|_| api.preparing()).collect();
    drop(api.preparing());
    // when they are ready one after the other
    let all = join_all(ready.into_iter().map(|ready| hidden(&api, ready))).await;
    // then one call was for all
    assert!(all.into_iter().all(|(hidden, _)| hidden.is_ok()));
    assert_eq!(*node.calls.lock().unwrap(), [3]);
}

#[tokio::test]
async fn jobs_that_come_while_a_call_is_under_way_go_together_in_the_next() {
    // given a call that the leader takes its time over
    let (api, node) = node(&[Habit::Works]).await;
    node.leave.forget_permits(Semaphore::MAX_PERMITS);
    let spawn = || {
        let api = api.clone();
        tokio::spawn(async move { hidden(&api, api.preparing()).await.0 })
    };
    let first = spawn();
    until(|| node.calls.lock().unwrap().len() == 1).await;
    // when two more come, and the first is given up
    let (second, third) = (spawn(), spawn());
    until(|| api.waiting_for_placement() == 2).await;
    first.abort();
    // then they are placed, by one call
    node.leave.add_permits(100);
    assert!(second.await.unwrap().is_ok() && third.await.unwrap().is_ok());
    assert_eq!(*node.calls.lock().unwrap(), [1, 2]);
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to be");
        tokio::task::yield_now().await;
    }
}
