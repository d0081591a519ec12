//! Choice of the worker, and refusals.

use super::*;

#[test]
fn a_ticket_contains_all_that_the_worker_checks() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    let placed = leader.place(&job(1)).unwrap();
    assert_eq!((placed.worker, placed.leader), (NodeId(2), LEADER));
    let expected = Ticket {
        leader: SigningKey::from_seed([1; 32]).public(),
        cluster: ClusterId([5; 32]),
        job: JobId([1; 16]),
        client: CLIENT,
        input: Hash([1; 32]),
        size: 1_000_000,
        worker: NodeId(2),
        worker_key: PublicKey([2; 32]),
        url: "https://node-2".to_owned(),
        incarnation: 200,
        term: TERM,
        not_after: Millis(1_005_000),
    };
    assert_eq!(placed.ticket.verify().unwrap(), expected);
}

#[test]
fn simultaneous_jobs_are_spread_over_the_workers() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.receive(3, |_| {});
    let workers: Vec<NodeId> = (0..4)
        .map(|n| leader.place(&job(n)).unwrap().worker)
        .collect();
    let on = |node| workers.iter().filter(|worker| **worker == node).count();
    assert_eq!((on(NodeId(2)), on(NodeId(3))), (2, 2), "{workers:?}");
}

#[test]
fn jobs_of_one_call_are_placed_together_the_largest_first() {
    // given two small jobs before a large one, and two idle workers
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.receive(3, |_| {});
    let mut jobs = [job(1), job(2), job(3)];
    jobs[2].size *= 5;
    // when they are placed together
    let placed: Vec<Placed> = leader
        .place_all(&jobs)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    // then the large one has a worker to itself, and the answers are in the order of the requests
    assert_eq!(placed[0].worker, placed[1].worker);
    assert_ne!(placed[0].worker, placed[2].worker);
    for (job, placed) in jobs.iter().zip(&placed) {
        assert_eq!(placed.ticket.verify().unwrap().job, job.job);
    }
    let decisions = leader.decisions.lock();
    assert_eq!(decisions[0].input.job, jobs[2].job);
}

#[test]
fn a_job_of_a_call_can_be_refused_while_the_others_are_placed() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    let mut jobs = [job(1), job(2), job(3)];
    jobs[0].size = MAX_INPUT as u64 + 1;
    jobs[1].exclude = [1, 2, 3].map(NodeId).to_vec();
    let placed = leader.place_all(&jobs);
    assert_eq!(placed[0], Err(PlaceError::TooLarge));
    assert!(busy(placed[1].clone()));
    assert_eq!(placed[2].as_ref().unwrap().worker, NodeId(2));
}

#[test]
fn a_silent_or_stale_follower_is_not_chosen() {
    let mut leader = leading();
    leader.now += MIN_STALE_AFTER;
    assert_eq!(leader.place(&job(1)).unwrap().worker, LEADER);
    leader.receive(2, |_| {});
    leader.now += MIN_STALE_AFTER;
    leader.receive(3, |report| report.backlog_cpu_ms = 900);
    assert_eq!(leader.place(&job(2)).unwrap().worker, NodeId(2));
    leader.now += Duration::from_millis(1);
    assert_eq!(leader.place(&job(3)).unwrap().worker, NodeId(3));
}

#[test]
fn a_new_leader_waits_for_the_first_report_before_it_chooses_itself() {
    let mut leader = leading();
    assert_eq!(leader.place(&job(1)), Err(PlaceError::NotLeader));
    leader.receive(3, |_| {});
    assert_eq!(leader.place(&job(1)).unwrap().worker, NodeId(3));
}

#[test]
fn excluded_and_draining_workers_are_not_chosen() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.receive(3, |report| report.backlog_cpu_ms = 900);
    let mut again = job(1);
    again.exclude = vec![NodeId(2)];
    assert_eq!(leader.place(&again).unwrap().worker, NodeId(3));
    leader.receive(2, |report| report.draining = true);
    assert_eq!(leader.place(&job(2)).unwrap().worker, NodeId(3));
}

#[test]
fn long_queueing_delays_on_all_workers_refuse_the_job_with_a_retry_time() {
    let mut leader = leading();
    for node in [2, 3] {
        leader.receive(node, |report| report.backlog_cpu_ms = 12_000);
    }
    let retry_after = Duration::from_secs(11);
    assert_eq!(leader.place(&job(1)), Err(PlaceError::Busy { retry_after }));
}

#[test]
fn slow_uplinks_do_not_make_an_idle_cluster_busy() {
    let mut leader = leading();
    for node in [2, 3] {
        leader.receive(node, |report| {
            (report.running, report.queued) = (0, 0);
            (report.incoming, report.incoming_cpu_ms) = (60, 60_000);
        });
    }
    leader.place(&job(1)).unwrap();
}

#[test]
fn a_job_is_not_placed_while_all_followers_are_full() {
    let mut leader = leading();
    leader.receive(2, |report| report.full = true);
    leader.receive(3, |report| report.full = true);
    let retry_after = MIN_RETRY_AFTER;
    assert_eq!(leader.place(&job(1)), Err(PlaceError::Busy { retry_after }));
    assert_eq!(leader.dispatcher.decided().busy, 1);
    leader.receive(3, |_| {});
    assert_eq!(leader.place(&job(1)).unwrap().worker, NodeId(3));
}

#[test]
fn a_device_with_many_unused_tickets_is_limited_and_others_are_not() {
    // given a device that requests as many tickets as it can get
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.receive(3, |_| {});
    let refused = (0..=u8::MAX).find_map(|n| leader.place(&job(n)).err());
    assert_eq!(refused, Some(PlaceError::OverQuota));
    assert_eq!(leader.dispatcher.decided().own_share, 1);
    // then others still get tickets
    let other = PublicKey([9; 32]);
    let placed = leader
        .dispatcher
        .place_all(&[job(1)], other, &leader.context(), 7);
    assert!(placed.unwrap()[0].is_ok());
}

#[test]
fn a_job_that_occurs_twice_in_a_call_is_refused() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    let twice = [job(1), job(2), job(1)];
    let placed = leader
        .dispatcher
        .place_all(&twice, CLIENT, &leader.context(), 7);
    assert_eq!(placed, Err(PlaceError::DuplicateJob(JobId([1; 16]))));
    assert!(leader.decisions.lock().is_empty());
}

#[test]
fn a_worker_without_memory_for_this_input_is_skipped() {
    let mut leader = leading();
    leader.receive(2, |report| report.input_room = 999_999);
    leader.receive(3, |report| report.backlog_cpu_ms = 900);
    assert_eq!(leader.place(&job(1)).unwrap().worker, NodeId(3));
    // A worker that can never take it refuses the job itself, with the limits.
    leader.receive(2, |report| {
        (report.input_room, report.input_limit) = (999_999, 999_999)
    });
    assert_eq!(leader.place(&job(2)).unwrap().worker, NodeId(2));
}

#[test]
fn a_job_that_is_placed_again_counts_once() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    leader.receive(3, |_| {});
    let first = leader.place(&job(1)).unwrap().worker;
    let mut again = job(1);
    again.exclude = vec![first];
    let second = leader.place(&again).unwrap().worker;
    assert_eq!(leader.reserved(first), 0);
    assert!(leader.reserved(second) > 0);
}

#[test]
fn a_placement_contains_the_projected_time() {
    let mut leader = leading();
    leader.receive(2, |report| {
        (report.running, report.backlog_cpu_ms) = (1, 500);
        report.usable_millicores = 500;
    });
    let expected_ms = leader.place(&job(1)).unwrap().expected_ms;
    let cost_ms = leader.decided().input.cost_ms;
    assert_eq!(expected_ms, 2 * (500 + cost_ms));
}

#[test]
fn with_every_node_excluded_no_node_is_eligible() {
    let mut leader = leading();
    leader.receive(2, |_| {});
    let mut nowhere = job(1);
    nowhere.exclude = [1, 2, 3].map(NodeId).to_vec();
    assert!(busy(leader.place(&nowhere)));
}
