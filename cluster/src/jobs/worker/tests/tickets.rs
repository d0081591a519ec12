//! Checks of tickets, and admission.

use super::*;

#[tokio::test]
async fn a_job_returns_its_carrier() {
    let worker = worker();
    let input = input(b"abc");
    let done = worker.run(&signed(&input), DEVICE, input.clone()).await;
    assert_eq!(done.unwrap(), "cba");
    assert_eq!(worker.finished(), 1);
}

#[tokio::test]
async fn a_wrong_ticket_is_refused_and_no_job_is_admitted() {
    let worker = worker();
    let before = worker.shared().load(1000).0;
    let input = input(b"abc");
    let refused = worker
        .admit(&signed(&input), PublicKey([9; 32]))
        .await
        .unwrap_err();
    assert_eq!(refused, TicketError::OtherClient.into());
    assert_eq!(refused.code(), cameo_common::api::ErrorCode::BadTicket);
    assert_eq!(worker.shared().load(1000).0, before);
}

#[tokio::test]
async fn an_input_that_the_ticket_is_not_for_is_refused() {
    let worker = worker();
    let (right, wrong) = (input(b"abc"), input(b"abd"));
    let refused = worker.run(&signed(&right), DEVICE, wrong).await;
    assert_eq!(refused, Err(TicketError::OtherInput.into()));
    let refused = worker.run(&signed(&right), DEVICE, right.slice(1..)).await;
    let ticket = right.len() as u64;
    let got = ticket - 1;
    assert_eq!(refused, Err(TicketError::OtherSize { ticket, got }.into()));
    worker.wait_until_drained().await;
    assert_eq!(worker.finished(), 0);
}

#[tokio::test]
async fn a_newer_term_is_waited_for_once() {
    let input = input(b"abc");
    let mut newer = ticket(&input);
    newer.term += 1;
    let newer = Signed::new(&node_key(), newer);

    let behind = worker_in(cluster(), reversing());
    let refused = behind.run(&newer, DEVICE, input.clone()).await.unwrap_err();
    let reason = TicketError::NewerTerm {
        ticket: CONTEXT.term + 1,
        now: CONTEXT.term,
    };
    assert_eq!(refused, reason.into());
    assert!(refused.retry_after().is_some());

    let catches_up = true;
    let follows = worker_in(
        Cluster {
            catches_up,
            ..cluster()
        },
        reversing(),
    );
    assert!(follows.run(&newer, DEVICE, input).await.is_ok());
}

#[tokio::test]
async fn without_a_cluster_no_ticket_is_valid() {
    let formed = false;
    let alone = worker_in(
        Cluster {
            formed,
            ..cluster()
        },
        reversing(),
    );
    let input = input(b"abc");
    let refused = alone.admit(&signed(&input), DEVICE).await.unwrap_err();
    assert_eq!(refused, JobError::NotFormed);
}

#[tokio::test]
async fn a_ticket_is_not_used_twice_at_once() {
    let (permit, _, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let first = send(&worker, b"abc");
    until("it runs", || worker.shared().load(1000).0.running == 1).await;
    let input = input(b"abc");
    let again = worker.admit(&signed(&input), DEVICE).await.unwrap_err();
    assert_eq!(again, TicketError::InUse.into());
    permit.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), "cba");
}

#[tokio::test]
async fn a_worker_with_many_jobs_of_one_device_tells_it_when_to_retry() {
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
async fn a_job_whose_client_has_disconnected_is_not_begun() {
    let (permit, begun, hide) = gated();
    let worker = worker_in(cluster(), hide);
    let runs = send(&worker, b"runs");
    until("one runs", || begun.load(Ordering::SeqCst) == 1).await;
    let waits = send(&worker, b"waits");
    until("one waits", || worker.shared().load(1000).0.queued == 1).await;
    waits.abort();
    until("it is removed", || worker.shared().load(1000).0.queued == 0).await;
    permit.send(()).unwrap();
    assert_eq!(runs.await.unwrap().unwrap(), "snur");
    worker.wait_until_drained().await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}
