#![allow(clippy::unwrap_used)]
use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use cameo_codec::job::JobInput;
use cameo_codec::{CancelToken, CodecKey, HideOptions};
use cameo_common::ids::{ClusterId, Millis};
use cameo_dispatch::{Event, Report};

use super::cpu_meter::ThreadId;
use super::hide::HideFailed;
use super::pipe::PIECE_BYTES;
use super::*;
use crate::jobs::load::Reporter;
use crate::jobs::tests::Fake;
use crate::jobs::ticket::tests::{CONTEXT, DEVICE, node_key, ticket};

mod ends;
mod output;
mod tickets;

const DEADLINE: Duration = Duration::from_secs(30);

/// A cluster at a term that a test can change, and that can increase when it is read again.
struct Cluster {
    term: AtomicU64,
    term_reads: AtomicU64,
    formed: bool,
    catches_up: bool,
}

impl ClusterInfo for Cluster {
    fn cluster(&self) -> Option<ClusterId> {
        self.formed.then_some(CONTEXT.cluster)
    }
    fn term(&self) -> u64 {
        let earlier = self.term_reads.fetch_add(1, Ordering::SeqCst);
        let caught_up = u64::from(self.catches_up && earlier > 0);
        self.term.load(Ordering::SeqCst) + caught_up
    }
    fn is_node_key(&self, key: &PublicKey) -> bool {
        *key == node_key().public()
    }
    fn unix_millis(&self) -> Millis {
        CONTEXT.unix
    }
}

fn cluster() -> Cluster {
    Cluster {
        term: AtomicU64::new(CONTEXT.term),
        term_reads: AtomicU64::new(0),
        formed: true,
        catches_up: false,
    }
}

fn settings() -> WorkerSettings {
    WorkerSettings {
        node: CONTEXT.node,
        incarnation: CONTEXT.incarnation,
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

/// The "picture" is the reversed payload.
fn reversed(input: &JobInput<'_>) -> Result<Vec<u8>, HideFailed> {
    Ok(input.payload.iter().rev().copied().collect())
}

/// A codec that writes its carriers in one piece.
fn at_once<F>(make: F) -> impl Hide + 'static
where
    F: Fn(&JobInput<'_>, &CancelToken) -> Result<Vec<u8>, HideFailed> + Send + Sync + 'static,
{
    Fake(
        move |input: &JobInput<'_>, stop: &CancelToken, out: &mut dyn Write| {
            crate::jobs::tests::send(out, &make(input, stop)?)
        },
    )
}

fn reversing() -> impl Hide + 'static {
    at_once(|input, _| reversed(input))
}

fn worker() -> Worker {
    worker_in(cluster(), reversing())
}

/// A codec that waits for a message before each job, and counts the jobs it began.
fn gated() -> (mpsc::Sender<()>, Arc<AtomicUsize>, impl Hide + 'static) {
    let (permit, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let hide = at_once(move |input, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        // After the test the channel is closed, which lets the job pass.
        let _ = gate.lock().unwrap().recv();
        reversed(input)
    });
    (permit, begun, hide)
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

fn signed(input: &[u8]) -> Signed<Ticket> {
    Signed::new(&node_key(), ticket(input))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts a job with this payload in a task.
fn send(worker: &Worker, payload: &[u8]) -> tokio::task::JoinHandle<Result<Bytes, JobError>> {
    let (worker, input) = (worker.clone(), input(payload));
    let ticket = signed(&input);
    tokio::spawn(async move { worker.run(&ticket, DEVICE, input).await })
}

/// Counts of the jobs that a codec began, and of those that were stopped.
#[derive(Clone, Default)]
struct Counts {
    begun: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
}

/// A codec whose jobs end only when they are stopped, except those with this payload.
fn endless_but(ends: &'static [u8]) -> (Counts, impl Hide + 'static) {
    let returned = Counts::default();
    let counts = returned.clone();
    let hide = at_once(move |input, stop| {
        if input.payload == ends {
            return reversed(input);
        }
        counts.begun.fetch_add(1, Ordering::SeqCst);
        while !stop.is_cancelled() {
            std::thread::yield_now();
        }
        counts.stopped.fetch_add(1, Ordering::SeqCst);
        Err(HideFailed("stopped".into()))
    });
    (returned, hide)
}
