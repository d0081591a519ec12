//! Leader and worker together: a job from placement to carrier, without sockets.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cameo_codec::job::JobInput;
use cameo_codec::{CancelToken, CodecKey, HideOptions};
use cameo_common::api::{PlaceJob, Placed};
use cameo_common::ids::{ClusterId, Hash, JobId, Millis, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_dispatch::{Decision, REPORT_VERSION, Report};
use tokio::time::Instant;

use super::leader::dispatcher::PlacementMember;
use super::*;

const LEADER: NodeId = NodeId(1);
const WORKER: NodeId = NodeId(2);
const TERM: u64 = 3;
const UNIX: Millis = Millis(1_000_000);
const CLUSTER: ClusterId = ClusterId([5; 32]);
const DEVICE: PublicKey = PublicKey([8; 32]);
const HEARTBEAT: Duration = Duration::from_millis(30);

/// A codec for tests; a job takes as much memory as its payload is long.
pub(super) struct Fake<F>(pub F);

impl<F> Hide for Fake<F>
where
    F: Fn(&JobInput<'_>, &CancelToken, &mut dyn Write) -> Result<(), HideFailed> + Send + Sync,
{
    fn memory(&self, input: &JobInput<'_>) -> Result<u64, HideFailed> {
        Ok(input.payload.len() as u64)
    }

    fn pixels_within(&self, bytes: u64, _: &JobInput<'_>) -> u64 {
        bytes
    }

    fn hide(
        &self,
        input: &JobInput<'_>,
        stop: &CancelToken,
        out: &mut dyn Write,
    ) -> Result<(), HideFailed> {
        (self.0)(input, stop, out)
    }
}

pub(super) fn send(out: &mut dyn Write, bytes: &[u8]) -> Result<(), HideFailed> {
    out.write_all(bytes)
        .map_err(|error| HideFailed(error.to_string()))
}

/// A worker's report under some load.
pub(super) fn report(incarnation: u64, sequence: u64) -> Report {
    Report {
        version: REPORT_VERSION,
        incarnation,
        sequence,
        quota_millicores: 2000,
        usable_millicores: 1500,
        cpu_share_permille: 250,
        slots: 1,
        running: 1,
        queued: 2,
        backlog_cpu_ms: 300,
        incoming: 0,
        incoming_cpu_ms: 0,
        first_event: 0,
        events: Vec::new(),
        sample_age_ms: 90,
        draining: false,
        full: false,
        input_room: u64::MAX,
        input_limit: u64::MAX,
    }
}

struct AtTerm(u64);

impl ClusterInfo for AtTerm {
    fn cluster(&self) -> Option<ClusterId> {
        Some(CLUSTER)
    }
    fn term(&self) -> u64 {
        self.0
    }
    fn is_node_key(&self, key: &PublicKey) -> bool {
        *key == leader_key().public()
    }
    fn unix_millis(&self) -> Millis {
        UNIX.plus_millis(10)
    }
}

fn leader_key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn start_worker(node: NodeId, incarnation: u64) -> (Worker, Reporter) {
    let hide =
        |input: &JobInput<'_>, _: &CancelToken, out: &mut dyn Write| send(out, input.payload);
    let settings = WorkerSettings {
        node,
        incarnation,
        heartbeat: HEARTBEAT,
        millicores: 1000,
        memory: None,
        download_deadline: worker::output::DOWNLOAD_DEADLINE,
    };
    let worker = Worker::start(settings, Arc::new(Fake(hide)), Arc::new(AtTerm(TERM))).unwrap();
    let reporter = Reporter::start(&worker).unwrap();
    (worker, reporter)
}

struct Leader {
    dispatcher: Dispatcher,
    decisions: Arc<Mutex<Vec<Decision>>>,
    now: Instant,
}

impl Leader {
    fn start() -> Self {
        let (worker, reporter) = start_worker(LEADER, 10);
        let decisions = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&decisions);
        let local_report = move || {
            let _alive = &worker;
            reporter.report()
        };
        let dispatcher = Dispatcher::new(LEADER, Arc::new(leader_key()), local_report, HEARTBEAT)
            .on_decision(move |decision| log.lock().unwrap().push(decision.clone()));
        dispatcher.set_term(Some(TERM));
        Self {
            dispatcher,
            decisions,
            now: Instant::now(),
        }
    }

    fn place(&self, job: u8, input: &Bytes) -> Result<Placed, PlaceError> {
        let request = PlaceJob {
            job: JobId([job; 16]),
            input: Hash::of(input),
            size: input.len() as u64,
            exclude: Vec::new(),
        };
        let member = |node| PlacementMember {
            node,
            key: PublicKey([0; 32]),
            url: String::new(),
            voter: true,
        };
        let context = PlacementContext {
            now: self.now,
            unix: UNIX,
            cluster: CLUSTER,
            term: TERM,
            members: vec![member(LEADER), member(WORKER)],
        };
        let placed = self.dispatcher.place_all(&[request], DEVICE, &context, 1)?;
        placed.into_iter().next().unwrap()
    }

    fn receive(&self, reporter: &Reporter) {
        self.dispatcher
            .record_report(WORKER, &reporter.report(), self.now);
    }

    /// CPU time reserved on the worker when the last job was placed.
    fn reserved(&self) -> u64 {
        let decisions = self.decisions.lock().unwrap();
        let candidates = &decisions.last().unwrap().input.candidates;
        candidates
            .iter()
            .find(|candidate| candidate.node == WORKER)
            .unwrap()
            .reserved_cpu_ms
    }
}

fn input(payload: &[u8]) -> Bytes {
    let job = JobInput {
        key: CodecKey::from_bytes([1; 32]),
        options: HideOptions::alpha(),
        cover: b"cover",
        payload,
    };
    Bytes::from(job.encode())
}

#[tokio::test]
async fn a_job_is_placed_on_the_follower_and_its_report_releases_the_reservation() {
    let (worker, reporter) = start_worker(WORKER, 20);
    let leader = Leader::start();
    leader.receive(&reporter);
    let first = input(b"first");
    let placed = leader.place(1, &first).unwrap();
    assert_eq!((placed.worker, leader.reserved()), (WORKER, 0));

    leader.place(2, &input(b"second")).unwrap();
    assert!(
        leader.reserved() > 0,
        "the first is placed and not admitted"
    );

    let done = worker.run(&placed.ticket, DEVICE, first).await;
    assert_eq!(done.unwrap(), "first");
    let _lost = reporter.report();
    leader.receive(&reporter);
    let before = leader.reserved();
    leader.place(3, &input(b"third")).unwrap();
    assert!(
        leader.reserved() <= before,
        "the first is no longer reserved"
    );
    assert!(
        leader
            .decisions
            .lock()
            .unwrap()
            .iter()
            .all(Decision::replays)
    );
}

#[tokio::test]
async fn a_restarted_worker_refuses_the_old_ticket_and_accepts_a_new_one() {
    let (worker, reporter) = start_worker(WORKER, 20);
    let leader = Leader::start();
    leader.receive(&reporter);
    let bytes = input(b"bytes");
    let old = leader.place(1, &bytes).unwrap();
    drop((worker, reporter));

    let (worker, reporter) = start_worker(WORKER, 21);
    let refused = worker.run(&old.ticket, DEVICE, bytes.clone()).await;
    assert_eq!(refused, Err(TicketError::OtherIncarnation.into()));
    leader.receive(&reporter);
    let new = leader.place(1, &bytes).unwrap();
    assert_eq!((new.worker, leader.reserved()), (WORKER, 0));
    assert!(worker.run(&new.ticket, DEVICE, bytes).await.is_ok());
}

#[tokio::test]
async fn a_job_for_a_draining_follower_is_placed_on_the_leader() {
    let (worker, reporter) = start_worker(WORKER, 20);
    let leader = Leader::start();
    worker.drain();
    leader.receive(&reporter);
    assert_eq!(leader.place(1, &input(b"bytes")).unwrap().worker, LEADER);
}
