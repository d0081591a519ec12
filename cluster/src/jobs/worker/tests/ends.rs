//! End of jobs and workers, and its events in the reports.

use super::*;

#[tokio::test]
async fn a_job_that_never_fits_is_refused_with_the_limits() {
    // given a worker with little memory, of which a fifth is for inputs
    let total = 5000;
    let worker = worker_with(Some(total), cluster(), reversing());
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
            panic!("a job that never fits is refused")
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
    worker.wait_until_drained().await;
    assert_eq!(worker.memory().0, Default::default());
}

#[tokio::test]
async fn a_refused_picture_and_a_panic_end_their_own_job_only() {
    let hide = at_once(|input, _| match input.payload {
        b"small" => Err(HideFailed("the cover is too small".into())),
        b"panic" => panic!("a fault of the codec"),
        _ => reversed(input),
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
async fn a_draining_worker_finishes_its_jobs_and_admits_no_more() {
    let (permit, begun, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let runs = send(&worker, b"runs");
    until("it runs", || begun.load(Ordering::SeqCst) == 1).await;
    worker.drain();
    let late = send(&worker, b"late").await.unwrap().unwrap_err();
    assert_eq!(late, JobError::Draining);
    assert!(late.retry_after().is_some());
    permit.send(()).unwrap();
    worker.wait_until_drained().await;
    assert_eq!(runs.await.unwrap().unwrap(), "snur");
}

#[tokio::test]
async fn a_report_contains_the_events_of_tickets() {
    let worker = worker();
    let reporter = Reporter::start(&worker).unwrap();
    let first = Report::decode(&reporter.report()).unwrap();
    assert_eq!(first.incarnation, CONTEXT.incarnation);
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
        (worker.shared().shape.slots, false)
    );
}

#[tokio::test]
async fn the_threads_end_when_the_worker_is_dropped() {
    let worker = worker();
    let shared = Arc::downgrade(worker.shared());
    assert!(send(&worker, b"abc").await.unwrap().is_ok());
    drop(worker);
    until("the slots are gone", || shared.strong_count() == 0).await;
}

#[tokio::test]
async fn a_finished_job_is_reported_with_the_cpu_time_it_used() {
    let burn = Duration::from_millis(20);
    let hide = at_once(move |input, _| {
        let (thread, begun) = (ThreadId::here(), Instant::now());
        let before = thread.cpu();
        // Where threads cannot be measured, elapsed time is reported.
        let used = || match (before, thread.cpu()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => begun.elapsed(),
        };
        while used() < burn {
            assert!(begun.elapsed() < DEADLINE, "no CPU time is counted");
        }
        reversed(input)
    });
    let worker = worker_in(cluster(), hide);
    let reporter = Reporter::start(&worker).unwrap();
    assert!(send(&worker, b"abc").await.unwrap().is_ok());
    let events = reporter.now().events;
    assert!(
        matches!(events[1], Event::Finished { cpu_ms: Some(ms), .. } if ms >= 20),
        "{events:?}"
    );
    let granted = worker.shared().granted();
    assert!(granted.cpu.is_zero() || granted.running >= granted.cpu / 2);
}
