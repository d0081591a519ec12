#![allow(clippy::unwrap_used)]
use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;

use cameo_codec::job::JobInput;
use cameo_codec::{CancelToken, CodecKey};
use cameo_dispatch::Report;

use super::cpu_meter::ThreadId;
use super::hide::HideFailed;
use super::output::PIECE_BYTES;
use super::*;
use crate::jobs::leader::ticket::tests::{DEVICE, HERE, node_key, ticket};
use crate::jobs::load::Reporter;
use crate::jobs::tests::Fake;

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

fn settings() -> WorkerSettings {
    WorkerSettings {
        node: HERE.node,
        incarnation: HERE.incarnation,
        heartbeat: Duration::from_millis(1),
        millicores: 1000,
        memory: None,
        download_deadline: DEADLINE,
    }
}

fn worker_in(cluster: Cluster, hide: impl Hide + 'static) -> Worker {
    worker_with(None, cluster, hide)
}

fn worker_with(memory: Option<u64>, cluster: Cluster, hide: impl Hide + 'static) -> Worker {
    let settings = WorkerSettings {
        memory,
        ..settings()
    };
    Worker::start(settings, Arc::new(hide), Arc::new(cluster)).unwrap()
}

/// The "picture" is the payload turned round.
fn turned(input: &JobInput<'_>) -> Result<Vec<u8>, HideFailed> {
    Ok(input.payload.iter().rev().copied().collect())
}

/// A codec that has its carriers in one piece.
fn at_once(
    make: impl Fn(&JobInput<'_>, &CancelToken) -> Result<Vec<u8>, HideFailed> + Send + Sync + 'static,
) -> impl Hide + 'static {
    Fake(
        move |input: &JobInput<'_>, stop: &CancelToken, out: &mut dyn Write| {
            crate::jobs::tests::send(out, &make(input, stop)?)
        },
    )
}

fn turning() -> impl Hide + 'static {
    at_once(|input, _| turned(input))
}

fn worker() -> Worker {
    worker_in(cluster(), turning())
}

/// A codec that waits for leave, once for each job, and counts how many it began.
fn gated() -> (mpsc::Sender<()>, Arc<AtomicUsize>, impl Hide + 'static) {
    let (leave, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let hide = at_once(move |input, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        // A closed gate is an open one: the test is over.
        let _ = gate.lock().unwrap().recv();
        turned(input)
    });
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
    let before = worker.shared.load(1000).0;
    let input = input(b"abc");
    let refused = worker
        .admit(&signed(&input), PublicKey([9; 32]))
        .await
        .unwrap_err();
    assert_eq!(refused, TicketError::OtherClient.into());
    assert_eq!(refused.code(), cameo_common::api::ErrorCode::BadTicket);
    assert_eq!(worker.shared.load(1000).0, before);
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

    let behind = worker_in(cluster(), turning());
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
        turning(),
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
        turning(),
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
async fn a_worker_with_enough_of_one_device_says_when_to_come_back() {
    let worker = worker();
    let mut held = Vec::new();
    for n in 0..super::admission::MAX_HELD as u8 / 2 {
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

/// How many jobs a codec has begun, and how many were stopped.
#[derive(Clone, Default)]
struct Counts {
    begun: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
}

/// A codec whose jobs end only when they are stopped, but for one with this payload.
fn endless_but(ends: &'static [u8]) -> (Counts, impl Hide + 'static) {
    let told = Counts::default();
    let counts = told.clone();
    let hide = at_once(move |input, stop| {
        if input.payload == ends {
            return turned(input);
        }
        counts.begun.fetch_add(1, Ordering::SeqCst);
        while !stop.is_cancelled() {
            std::thread::yield_now();
        }
        counts.stopped.fetch_add(1, Ordering::SeqCst);
        Err(HideFailed("stopped".into()))
    });
    (told, hide)
}

#[tokio::test]
async fn a_running_job_whose_client_has_gone_stops_and_its_slot_takes_the_next() {
    // given a job that would never end by itself, and one behind it
    let (counts, hide) = endless_but(b"next");
    let worker = worker_in(cluster(), hide);
    let reporter = Reporter::start(&worker).unwrap();
    let runs = send(&worker, b"runs");
    until("it runs", || counts.begun.load(Ordering::SeqCst) == 1).await;
    let next = send(&worker, b"next");
    until("one waits", || worker.shared.load(1000).0.queued == 1).await;
    // when its client goes
    runs.abort();
    assert!(runs.await.unwrap_err().is_cancelled());
    // then the other one is done, and the first one taught nothing
    assert_eq!(next.await.unwrap().unwrap(), "txen");
    assert_eq!(counts.stopped.load(Ordering::SeqCst), 1);
    assert_eq!(worker.finished(), 1);
    let ticket = TicketId::of(&signed(&input(b"runs")));
    let cpu_ms = None;
    let ended = Event::Finished { ticket, cpu_ms };
    assert!(reporter.now().events.contains(&ended));
    worker.drained().await;
    assert_eq!(worker.memory().0, Default::default());
}

#[tokio::test]
async fn a_client_that_closes_its_connection_gives_its_job_up() {
    use tokio::io::AsyncWriteExt as _;
    // given a worker behind the listener that nodes have, and a job under way
    let (counts, hide) = endless_but(b"");
    let worker = worker_in(cluster(), hide);
    let behind = worker.clone();
    let run = axum::routing::post(async move || {
        let job = input(b"runs");
        let (ticket, hash) = (signed(&job), Hash::of(&job));
        let admitted = behind.admit(&ticket, DEVICE).await.unwrap();
        axum::body::Body::from_stream(admitted.run(job, hash).await.unwrap())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/", run);
    let serving = tokio::spawn(crate::http::serve(listener, router, std::future::pending()));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let call = b"POST / HTTP/1.1\r\nhost: node\r\ncontent-length: 0\r\n\r\n";
    client.write_all(call).await.unwrap();
    until("it runs", || counts.begun.load(Ordering::SeqCst) == 1).await;
    // when the connection is closed
    drop(client);
    // then the job has stopped
    worker.drained().await;
    assert_eq!(counts.stopped.load(Ordering::SeqCst), 1);
    serving.abort();
}

#[tokio::test]
async fn a_carrier_begins_to_come_while_the_rest_is_being_made() {
    // given a codec that writes one piece, and the next when it may
    let (leave, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let hide = Fake(
        move |_: &JobInput<'_>, _: &CancelToken, out: &mut dyn Write| {
            crate::jobs::tests::send(out, &[1; PIECE_BYTES])?;
            gate.lock().unwrap().recv().unwrap();
            crate::jobs::tests::send(out, &[2; 10])
        },
    );
    let worker = worker_in(cluster(), hide);
    let job = input(b"abc");
    let (ticket, hash) = (signed(&job), Hash::of(&job));
    let admitted = worker.admit(&ticket, DEVICE).await.unwrap();
    // then the first piece is there before the job has ended
    let mut carrier = admitted.run(job, hash).await.unwrap();
    let first = carrier.try_next().await.unwrap().unwrap();
    assert_eq!((first.len(), worker.finished()), (PIECE_BYTES, 0));
    leave.send(()).unwrap();
    let rest: Vec<Bytes> = carrier.try_collect().await.unwrap();
    assert_eq!(rest.concat(), [2; 10]);
}

#[tokio::test]
async fn a_carrier_that_breaks_off_ends_in_an_error() {
    let hide = Fake(
        |input: &JobInput<'_>, _: &CancelToken, out: &mut dyn Write| {
            crate::jobs::tests::send(out, &[1; PIECE_BYTES])?;
            assert!(input.payload != b"panic", "a fault of the codec");
            Err(HideFailed("a disk of the codec is full".into()))
        },
    );
    let worker = worker_in(cluster(), hide);
    for (payload, why) in [
        (&b"panic"[..], JobError::Failed),
        (
            b"error",
            JobError::Hide("a disk of the codec is full".into()),
        ),
    ] {
        let job = input(payload);
        let (ticket, hash) = (signed(&job), Hash::of(&job));
        let admitted = worker.admit(&ticket, DEVICE).await.unwrap();
        let carrier = admitted.run(job, hash).await;
        let ended: Result<Vec<Bytes>, JobError> = match carrier {
            Ok(carrier) => carrier.try_collect().await,
            // It had failed before anybody looked.
            Err(error) => Err(error),
        };
        assert_eq!(ended, Err(why));
    }
    worker.drained().await;
    assert_eq!(
        (worker.finished(), worker.memory().0),
        (0, Default::default())
    );
}

#[tokio::test]
async fn a_carrier_that_nobody_takes_is_thrown_away() {
    // given a carrier that is ready, and a client that does not take it
    let download_deadline = Duration::ZERO;
    let settings = WorkerSettings {
        download_deadline,
        ..settings()
    };
    let worker = Worker::start(settings, Arc::new(turning()), Arc::new(cluster())).unwrap();
    let job = input(b"abc");
    let (ticket, hash) = (signed(&job), Hash::of(&job));
    let admitted = worker.admit(&ticket, DEVICE).await.unwrap();
    let carrier = admitted.run(job, hash).await.unwrap();
    assert_eq!(worker.memory().0.pictures, 3);
    // when its time has passed, then neither memory nor place is held for it, and the client does not get a part of it
    worker.drained().await;
    assert_eq!(worker.memory().0, Default::default());
    let taken: Result<Vec<Bytes>, JobError> = carrier.try_collect().await;
    assert_eq!(taken, Err(JobError::TakenTooSlowly));
}

#[tokio::test]
async fn a_job_that_never_fits_is_refused_with_what_would_do() {
    // given a worker with little memory, of which a fifth is for inputs
    let total = 5000;
    let worker = worker_with(Some(total), cluster(), turning());
    let refused = worker.admit(&signed(&[0; 1001]), DEVICE).await;
    assert_eq!(refused.unwrap_err(), JobError::InputTooLong { limit: 1000 });
    // and a codec whose pictures take more than the rest
    struct Large;
    impl Hide for Large {
        fn memory(&self, _: &JobInput<'_>) -> Result<u64, HideFailed> {
            Ok(4001)
        }
        fn pixels_within(&self, bytes: u64, _: &JobInput<'_>) -> u64 {
            bytes / 8
        }
        fn hide(
            &self,
            _: &JobInput<'_>,
            _: &CancelToken,
            _: &mut dyn Write,
        ) -> Result<(), HideFailed> {
            panic!("it was to be refused")
        }
    }
    let worker = worker_with(Some(total), cluster(), Large);
    let refused = send(&worker, b"abc").await.unwrap().unwrap_err();
    let (needs, limit, pixels) = (4001, 4000, 500);
    assert_eq!(
        refused,
        JobError::PicturesTooLarge {
            needs,
            limit,
            pixels
        }
    );
    assert_eq!(refused.code(), cameo_common::api::ErrorCode::WorkerTooSmall);
    worker.drained().await;
    assert_eq!(worker.memory().0, Default::default());
}

#[tokio::test]
async fn a_refused_picture_and_a_panic_end_their_own_job_only() {
    let hide = at_once(|input, _| match input.payload {
        b"small" => Err(HideFailed("the cover is too small".into())),
        b"panic" => panic!("a fault of the codec"),
        _ => turned(input),
    });
    let worker = worker_in(cluster(), hide);
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
    let late = send(&worker, b"late").await.unwrap().unwrap_err();
    assert_eq!(late, JobError::Draining);
    assert!(late.retry_after().is_some());
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
    assert!(second.sequence > first.sequence && second.incoming_cpu_ms > 0);
    assert_eq!((second.incoming, second.queued), (1, 0));
    let ticket = TicketId::of(&signed);
    assert_eq!(second.events, [Event::Accepted(ticket)]);
    let hash = Hash::of(&input);
    let carrier = admitted.run(input, hash).await.unwrap();
    let pieces: Vec<Bytes> = carrier.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"cba");
    let third = reporter.now();
    assert_eq!(
        (third.queued, third.running, third.backlog_cpu_ms),
        (0, 0, 0)
    );
    assert_eq!((third.incoming, third.incoming_cpu_ms), (0, 0));
    assert!(matches!(
        third.events[..],
        [_, Event::Finished { ticket: ended, cpu_ms: Some(_) }] if ended == ticket
    ));
    worker.drain();
    assert!(reporter.now().draining && !third.draining);
    assert_eq!(
        (third.slots, third.full),
        (worker.shared.shape.slots, false)
    );
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
    let hide = at_once(move |input, _| {
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
    let worker = worker_in(cluster(), hide);
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
