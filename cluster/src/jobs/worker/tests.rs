#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;

use cameo_common::codec::CodecKey;
use cameo_common::job::JobInput;
use cameo_dispatch::Report;

use super::*;
use crate::jobs::hide::HideFailed;
use crate::jobs::load::Reporter;
use crate::jobs::meter::ThreadId;
use crate::jobs::ticket::tests::{DEVICE, HERE, node_key, ticket};

const DEADLINE: Duration = Duration::from_secs(30);

/// A cluster at a term that a test can change, and that goes up by itself when a test says so.
struct Cluster {
    term: AtomicU64,
    asked: AtomicU64,
    formed: bool,
    catches_up: bool,
}

impl Standing for Cluster {
    fn cluster(&self) -> Option<ClusterId> {
        self.formed.then_some(HERE.cluster)
    }
    fn term(&self) -> u64 {
        let earlier = self.asked.fetch_add(1, Ordering::SeqCst);
        let caught_up = u64::from(self.catches_up && earlier > 0);
        self.term.load(Ordering::SeqCst) + caught_up
    }
    fn is_node_key(&self, key: &PublicKey) -> bool {
        *key == node_key().public()
    }
    fn unix_millis(&self) -> Millis {
        HERE.unix
    }
}

fn cluster() -> Cluster {
    Cluster {
        term: AtomicU64::new(HERE.term),
        asked: AtomicU64::new(0),
        formed: true,
        catches_up: false,
    }
}

fn worker_in(cluster: Cluster, hide: impl Hide + 'static) -> Worker {
    let settings = WorkerSettings {
        node: HERE.node,
        incarnation: HERE.incarnation,
        heartbeat: Duration::from_millis(1),
        millicores: 1000,
    };
    Worker::start(settings, Arc::new(hide), Arc::new(cluster)).unwrap()
}

/// The "picture" is the payload turned round.
fn turned(input: &JobInput<'_>) -> Result<Vec<u8>, HideFailed> {
    Ok(input.payload.iter().rev().copied().collect())
}

fn worker() -> Worker {
    worker_in(cluster(), turned)
}

/// A codec that waits for leave, once for each job, and counts how many it began.
fn gated() -> (mpsc::Sender<()>, Arc<AtomicUsize>, impl Hide + 'static) {
    let (leave, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let hide = move |input: &JobInput<'_>| {
        counter.fetch_add(1, Ordering::SeqCst);
        // A closed gate is an open one: the test is over.
        let _ = gate.lock().unwrap().recv();
        turned(input)
    };
    (leave, begun, hide)
}

fn input(payload: &[u8]) -> Bytes {
    let options = postcard::from_bytes(&[1; 8]).unwrap();
    let job = JobInput {
        key: CodecKey::from_bytes([1; 32]),
        options,
        cover: b"cover",
        payload,
    };
    Bytes::from(job.encode())
}

fn signed(input: &[u8]) -> Signed<Ticket> {
    Signed::new(&node_key(), ticket(input))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain waited until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sends a job of its own payload on its way.
fn send(worker: &Worker, payload: &[u8]) -> tokio::task::JoinHandle<Result<Bytes, JobError>> {
    let (worker, input) = (worker.clone(), input(payload));
    let ticket = signed(&input);
    tokio::spawn(async move { worker.run(&ticket, DEVICE, input).await })
}

#[tokio::test]
async fn a_job_comes_back_done() {
    let worker = worker();
    let input = input(b"abc");
    let done = worker.run(&signed(&input), DEVICE, input.clone()).await;
    assert_eq!(done.unwrap(), "cba");
    assert_eq!(worker.finished(), 1);
}

#[tokio::test]
async fn a_wrong_ticket_is_refused_and_nothing_is_taken_up() {
    let worker = worker();
    let input = input(b"abc");
    let refused = worker
        .admit(&signed(&input), PublicKey([9; 32]))
        .await
        .unwrap_err();
    assert_eq!(refused, TicketError::OtherClient.into());
    assert_eq!(refused.code(), cameo_common::api::ErrorCode::BadTicket);
    assert_eq!(worker.shared.load(1000).0, Load::default());
}

#[tokio::test]
async fn another_input_than_the_tickets_is_refused() {
    let worker = worker();
    let (right, wrong) = (input(b"abc"), input(b"abd"));
    let refused = worker.run(&signed(&right), DEVICE, wrong).await;
    assert_eq!(refused, Err(TicketError::OtherInput.into()));
    let refused = worker.run(&signed(&right), DEVICE, right.slice(1..)).await;
    let ticket = right.len() as u64;
    let got = ticket - 1;
    assert_eq!(refused, Err(TicketError::OtherSize { ticket, got }.into()));
    worker.drained().await;
    assert_eq!(worker.finished(), 0);
}

#[tokio::test]
async fn a_newer_term_is_waited_for_once() {
    let input = input(b"abc");
    let mut newer = ticket(&input);
    newer.term += 1;
    let newer = Signed::new(&node_key(), newer);

    let behind = worker_in(cluster(), turned);
    let refused = behind.run(&newer, DEVICE, input.clone()).await.unwrap_err();
    let reason = TicketError::NewerTerm {
        ticket: HERE.term + 1,
        now: HERE.term,
    };
    assert_eq!(refused, reason.into());
    assert!(refused.retry_after().is_some());

    let catches_up = true;
    let follows = worker_in(
        Cluster {
            catches_up,
            ..cluster()
        },
        turned,
    );
    assert!(follows.run(&newer, DEVICE, input).await.is_ok());
}

#[tokio::test]
async fn without_a_cluster_no_ticket_is_good() {
    let formed = false;
    let alone = worker_in(
        Cluster {
            formed,
            ..cluster()
        },
        turned,
    );
    let input = input(b"abc");
    let refused = alone.admit(&signed(&input), DEVICE).await.unwrap_err();
    assert_eq!(refused, JobError::NotFormed);
}

#[tokio::test]
async fn a_ticket_is_not_used_twice_at_once() {
    let (leave, _, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let first = send(&worker, b"abc");
    until("it runs", || worker.shared.load(1000).0.running == 1).await;
    let input = input(b"abc");
    let again = worker.admit(&signed(&input), DEVICE).await.unwrap_err();
    assert_eq!(again, TicketError::InUse.into());
    leave.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), "cba");
}

#[tokio::test]
async fn a_full_worker_says_when_to_come_back() {
    let worker = worker();
    let mut held = Vec::new();
    for n in 0..super::super::intake::MAX_HELD as u8 {
        held.push(worker.admit(&signed(&input(&[n])), DEVICE).await.unwrap());
    }
    let one_more = signed(&input(b"one more"));
    let refused = worker.admit(&one_more, DEVICE).await.unwrap_err();
    assert!(matches!(refused, JobError::QueueFull { .. }));
    assert!(refused.retry_after().is_some());
    held.pop();
    worker.admit(&one_more, DEVICE).await.unwrap();
}

#[tokio::test]
async fn a_job_whose_client_has_gone_is_not_begun() {
    let (leave, begun, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let runs = send(&worker, b"runs");
    until("one runs", || begun.load(Ordering::SeqCst) == 1).await;
    let waits = send(&worker, b"waits");
    until("one waits", || worker.shared.load(1000).0.queued == 1).await;
    waits.abort();
    until("it is removed", || worker.shared.load(1000).0.queued == 0).await;
    leave.send(()).unwrap();
    assert_eq!(runs.await.unwrap().unwrap(), "snur");
    worker.drained().await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_running_job_whose_client_has_gone_frees_its_slot_at_its_end() {
    let (leave, begun, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let runs = send(&worker, b"runs");
    until("it runs", || begun.load(Ordering::SeqCst) == 1).await;
    runs.abort();
    assert!(runs.await.unwrap_err().is_cancelled());
    assert_eq!(worker.shared.load(1000).0.running, 1);
    leave.send(()).unwrap();
    leave.send(()).unwrap();
    assert_eq!(send(&worker, b"next").await.unwrap().unwrap(), "txen");
}

#[tokio::test]
async fn a_refused_picture_and_a_panic_end_their_own_job_only() {
    let worker = worker_in(cluster(), |input: &JobInput<'_>| match input.payload {
        b"small" => Err(HideFailed("the cover is too small".into())),
        b"panic" => panic!("a fault of the codec"),
        _ => turned(input),
    });
    let small = send(&worker, b"small").await.unwrap();
    assert_eq!(small, Err(JobError::Hide("the cover is too small".into())));
    assert_eq!(
        send(&worker, b"panic").await.unwrap(),
        Err(JobError::Failed)
    );
    let malformed = Bytes::from_static(b"no job");
    let refused = worker.run(&signed(&malformed), DEVICE, malformed).await;
    assert!(matches!(refused, Err(JobError::Input(_))));
    assert_eq!(send(&worker, b"abc").await.unwrap().unwrap(), "cba");
    assert_eq!(worker.finished(), 1);
}

#[tokio::test]
async fn a_draining_worker_ends_what_it_has_and_takes_no_more() {
    let (leave, begun, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let runs = send(&worker, b"runs");
    until("it runs", || begun.load(Ordering::SeqCst) == 1).await;
    worker.drain();
    assert_eq!(
        send(&worker, b"late").await.unwrap(),
        Err(JobError::Draining)
    );
    leave.send(()).unwrap();
    worker.drained().await;
    assert_eq!(runs.await.unwrap().unwrap(), "snur");
}

#[tokio::test]
async fn a_report_tells_what_became_of_tickets() {
    let worker = worker();
    let reporter = Reporter::start(&worker).unwrap();
    let first = Report::decode(&reporter.report()).unwrap();
    assert_eq!(first.incarnation, HERE.incarnation);
    assert!(first.events.is_empty() && first.quota_millicores > 0);
    let input = input(b"abc");
    let signed = signed(&input);
    let admitted = worker.admit(&signed, DEVICE).await.unwrap();
    let second = reporter.now();
    assert!(second.sequence > first.sequence && second.backlog_cpu_ms > 0);
    assert_eq!(second.queued, 1);
    let ticket = TicketId::of(&signed);
    assert_eq!(second.events, [Event::TakenUp(ticket)]);
    admitted.run(input).await.unwrap();
    let third = reporter.now();
    assert_eq!(
        (third.queued, third.running, third.backlog_cpu_ms),
        (0, 0, 0)
    );
    assert!(matches!(
        third.events[..],
        [_, Event::Finished { ticket: ended, cpu_ms: Some(_) }] if ended == ticket
    ));
    worker.drain();
    assert!(reporter.now().draining);
}

#[tokio::test]
async fn the_threads_end_with_the_worker() {
    let worker = worker();
    let shared = Arc::downgrade(&worker.shared);
    assert!(send(&worker, b"abc").await.unwrap().is_ok());
    drop(worker);
    until("the slots are gone", || shared.strong_count() == 0).await;
}

#[tokio::test]
async fn a_finished_job_is_told_with_the_cpu_time_it_took() {
    let burn = Duration::from_millis(20);
    let worker = worker_in(cluster(), move |input: &JobInput<'_>| {
        let (thread, begun) = (ThreadId::here(), Instant::now());
        let before = thread.cpu();
        // Where threads cannot be measured, the clock is what is told.
        let used = || match (before, thread.cpu()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => begun.elapsed(),
        };
        while used() < burn {
            assert!(begun.elapsed() < DEADLINE, "no CPU time is counted");
        }
        turned(input)
    });
    let reporter = Reporter::start(&worker).unwrap();
    assert!(send(&worker, b"abc").await.unwrap().is_ok());
    let events = reporter.now().events;
    assert!(
        matches!(events[1], Event::Finished { cpu_ms: Some(ms), .. } if ms >= 20),
        "{events:?}"
    );
    let granted = worker.shared.granted();
    assert!(granted.cpu.is_zero() || granted.running >= granted.cpu / 2);
}
