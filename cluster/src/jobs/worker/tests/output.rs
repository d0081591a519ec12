//! Carriers on their way to the client, and clients that disconnect.

use super::*;
use crate::http::{HttpPort, Security, ServeLimits};
use crate::link::TcpTransport;

#[tokio::test]
async fn a_running_job_whose_client_disconnects_stops_and_its_slot_takes_the_next() {
    // given a job that would never end by itself, and one behind it
    let (counts, hide) = endless_but(b"next");
    let worker = worker_in(cluster(), hide);
    let reporter = Reporter::start(&worker).unwrap();
    let runs = send(&worker, b"runs");
    until("it runs", || counts.begun.load(Ordering::SeqCst) == 1).await;
    let next = send(&worker, b"next");
    until("one waits", || worker.shared().load(1000).0.queued == 1).await;
    // when its client disconnects
    runs.abort();
    assert!(runs.await.unwrap_err().is_cancelled());
    // then the other job is done, and the cancelled one is not counted or learned from
    assert_eq!(next.await.unwrap().unwrap(), "txen");
    assert_eq!(counts.stopped.load(Ordering::SeqCst), 1);
    assert_eq!(worker.finished(), 1);
    let ticket = TicketId::of(&signed(&input(b"runs")));
    let cpu_ms = None;
    let ended = Event::Finished { ticket, cpu_ms };
    assert!(reporter.now().events.contains(&ended));
    worker.wait_until_drained().await;
    assert_eq!(worker.memory().0, Default::default());
}

#[tokio::test]
async fn a_client_that_closes_its_connection_cancels_its_job() {
    use tokio::io::AsyncWriteExt as _;
    // given a worker behind a node's listener, and a running job
    let (counts, hide) = endless_but(b"");
    let worker = worker_in(cluster(), hide);
    let behind = worker.clone();
    let run = axum::routing::post(async move || {
        let job = input(b"runs");
        let (ticket, hash) = (signed(&job), Hash::of(&job));
        let admitted = behind.admit(&ticket, DEVICE).await.unwrap();
        axum::body::Body::from_stream(admitted.run(job, hash).await.unwrap())
    });
    let transport = TcpTransport::shared();
    let listener = transport.listen("127.0.0.1:0".to_owned()).await.unwrap();
    let port = HttpPort::new(listener, ServeLimits::default(), Security::Plain).unwrap();
    let address = port.address();
    let router = axum::Router::new().route("/", run);
    let serving = tokio::spawn(crate::http::serve(port, router, std::future::pending()));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let call = b"POST / HTTP/1.1\r\nhost: node\r\ncontent-length: 0\r\n\r\n";
    client.write_all(call).await.unwrap();
    until("it runs", || counts.begun.load(Ordering::SeqCst) == 1).await;
    // when the connection is closed
    drop(client);
    // then the job is stopped
    worker.wait_until_drained().await;
    assert_eq!(counts.stopped.load(Ordering::SeqCst), 1);
    serving.abort();
}

#[tokio::test]
async fn a_carrier_is_sent_while_the_rest_is_being_produced() {
    // given a codec that writes one piece, and the next one on a signal
    let (permit, gate) = mpsc::channel::<()>();
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
    permit.send(()).unwrap();
    let rest: Vec<Bytes> = carrier.try_collect().await.unwrap();
    assert_eq!(rest.concat(), [2; 10]);
}

#[tokio::test]
async fn a_carrier_that_breaks_off_ends_with_an_error() {
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
            // It had failed before the first poll.
            Err(error) => Err(error),
        };
        assert_eq!(ended, Err(why));
    }
    worker.wait_until_drained().await;
    assert_eq!(
        (worker.finished(), worker.memory().0),
        (0, Default::default())
    );
}

#[tokio::test]
async fn a_carrier_that_nobody_fetches_is_dropped() {
    // given a carrier that is ready, and a client that does not fetch it
    let download_deadline = Duration::ZERO;
    let settings = WorkerSettings {
        download_deadline,
        ..settings()
    };
    let worker = Worker::start(settings, Arc::new(reversing()), Arc::new(cluster())).unwrap();
    let job = input(b"abc");
    let (ticket, hash) = (signed(&job), Hash::of(&job));
    let admitted = worker.admit(&ticket, DEVICE).await.unwrap();
    let carrier = admitted.run(job, hash).await.unwrap();
    assert_eq!(worker.memory().0.pictures, 3);
    // when its deadline has passed, then its memory and its place are free, and the client does not
    // get a part of it
    worker.wait_until_drained().await;
    assert_eq!(worker.memory().0, Default::default());
    let taken: Result<Vec<Bytes>, JobError> = carrier.try_collect().await;
    assert_eq!(taken, Err(JobError::FetchedTooSlowly));
}
