#![allow(clippy::unwrap_used)]
use super::*;

mod any_order;

const MIB: u64 = 1024 * 1024;
const BUDGET: Budget = Budget {
    inputs: 100 * MIB,
    pictures: 10 * MIB,
};

fn id(n: usize) -> TicketId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
    TicketId(bytes)
}

/// A claim of client number `n`, for job number `n`.
fn claim(n: usize, size: u64) -> Claim {
    Claim {
        client: PublicKey(n.to_le_bytes().repeat(4).try_into().unwrap()),
        job: JobId([n as u8; 16]),
        size,
    }
}

fn control() -> AdmissionControl<&'static str> {
    AdmissionControl::new(1, 1000, BUDGET)
}

fn done(cpu_ms: u64, carrier: u64) -> Option<Done> {
    Some(Done {
        cpu: Duration::from_millis(cpu_ms),
        carrier,
    })
}

#[test]
fn jobs_run_in_the_order_in_which_their_inputs_came() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, MIB), now).unwrap();
    control.admit(id(2), claim(2, MIB), now).unwrap();
    control.enqueue(id(2), "second ticket", MIB);
    control.enqueue(id(1), "first ticket", MIB);
    assert_eq!(control.begin(now), Some((id(2), "second ticket")));
    assert_eq!(control.begin(now), Some((id(1), "first ticket")));
    assert_eq!(control.begin(now), None);
}

#[test]
fn a_ticket_is_not_used_twice_at_once_but_may_be_again() {
    let now = Instant::now();
    let mut control = control();
    let first = control.admit(id(1), claim(1, MIB), now).unwrap();
    assert_eq!(
        control.admit(id(1), claim(1, MIB), now),
        Err(Refusal::InUse)
    );
    control.end(id(1), None, now);
    let again = control.admit(id(1), claim(1, MIB), now).unwrap();
    control.cancel(first, now);
    assert_eq!(control.held(), 1, "the first admission has ended already");
    control.cancel(again, now);
    assert_eq!(control.held(), 0);
}

#[test]
fn the_number_of_jobs_is_bounded() {
    let now = Instant::now();
    let mut control = control();
    for n in 0..MAX_HELD {
        control.admit(id(n), claim(n, 1), now).unwrap();
    }
    let full = control
        .admit(id(MAX_HELD), claim(MAX_HELD, 1), now)
        .unwrap_err();
    assert!(matches!(full, Refusal::Full { retry_after } if retry_after >= MIN_RETRY_AFTER));
    control.end(id(0), None, now);
    control
        .admit(id(MAX_HELD), claim(MAX_HELD, 1), now)
        .unwrap();
}

#[test]
fn the_memory_for_inputs_is_bounded() {
    let now = Instant::now();
    let mut control = control();
    let large = control.admit(id(1), claim(1, BUDGET.inputs), now).unwrap();
    assert!(matches!(
        control.admit(id(2), claim(2, 1), now),
        Err(Refusal::Full { .. })
    ));
    control.cancel(large, now);
    control.admit(id(2), claim(2, 1), now).unwrap();
}

#[test]
fn cancelling_removes_waiting_jobs_and_leaves_running_ones() {
    let now = Instant::now();
    let mut control = control();
    let taken: Vec<Admitted> = (1..=3)
        .map(|n| control.admit(id(n), claim(n, MIB), now).unwrap())
        .collect();
    control.enqueue(id(1), "runs", MIB);
    control.enqueue(id(2), "waits", MIB);
    control.begin(now);
    for admission in taken {
        control.cancel(admission, now);
    }
    assert_eq!(control.begin(now), None);
    let load = control.load(1000, now);
    assert_eq!((load.running, load.queued), (1, 0));
    assert_eq!(control.finished(), 0);
}

#[test]
fn the_backlog_shrinks_as_a_job_runs_but_not_to_nothing() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, 10 * MIB), now).unwrap();
    control.admit(id(2), claim(2, 10 * MIB), now).unwrap();
    control.enqueue(id(1), "", MIB);
    let all = control.load(1000, now).backlog_cpu_ms;
    assert!(all > 100);
    control.begin(now);
    let later = now + Duration::from_millis(100);
    assert_eq!(control.load(1000, later).backlog_cpu_ms, all - 100);
    assert_eq!(control.load(500, later).backlog_cpu_ms, all - 50);
    let much_later = now + Duration::from_secs(1000);
    let left = control.load(1000, much_later).backlog_cpu_ms;
    assert!(left > 0 && left < all / 2);
}

#[test]
fn a_job_is_not_in_the_backlog_before_its_input_has_arrived() {
    let now = Instant::now();
    let mut control = control();
    for n in 1..=2 {
        control.admit(id(n), claim(n, MIB), now).unwrap();
    }
    let load = control.load(1000, now);
    assert_eq!((load.incoming, load.queued, load.backlog_cpu_ms), (2, 0, 0));
    let both = load.incoming_cpu_ms;
    control.enqueue(id(1), "", MIB);
    let load = control.load(1000, now);
    assert_eq!((load.incoming, load.queued), (1, 1));
    assert_eq!(
        (load.incoming_cpu_ms, load.backlog_cpu_ms),
        (both / 2, both / 2)
    );
}

#[test]
fn a_worker_with_the_maximum_of_jobs_is_full() {
    let now = Instant::now();
    let mut control = control();
    for n in 1..MAX_HELD {
        control.admit(id(n), claim(n, 1), now).unwrap();
    }
    assert!(!control.load(1000, now).full);
    control.admit(id(0), claim(0, 1), now).unwrap();
    assert!(control.load(1000, now).full);
    control.end(id(0), None, now);
    assert!(!control.load(1000, now).full);
}

#[test]
fn a_worker_is_full_while_unfetched_carriers_hold_the_memory_for_the_next_job() {
    let now = Instant::now();
    let mut control = control();
    let first = control.admit(id(1), claim(1, 1), now).unwrap();
    control.admit(id(2), claim(2, 1), now).unwrap();
    control.enqueue(id(1), "made, and not fetched", 9 * MIB);
    control.enqueue(id(2), "waits", 9 * MIB);
    control.begin(now);
    // A running job will end and free memory, so the worker is not stalled.
    assert!(!control.load(1000, now).full);
    control.end(id(1), done(1, 2 * MIB), now);
    assert_eq!(control.begin(now), None);
    assert!(control.load(1000, now).full);
    control.cancel(first, now);
    assert!(!control.load(1000, now).full);
}

#[test]
fn a_worker_whose_memory_is_held_by_unfetched_carriers_is_full_without_a_queue() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, 1), now).unwrap();
    control.enqueue(id(1), "made, and not fetched", 9 * MIB);
    control.begin(now);
    control.end(id(1), done(1, 9 * MIB), now);
    assert!(control.load(1000, now).full);
}

#[test]
fn the_load_contains_the_memory_left_for_inputs() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, 30 * MIB), now).unwrap();
    let load = control.load(1000, now);
    assert_eq!((load.input_room, load.input_limit), (70 * MIB, 100 * MIB));
}

#[test]
fn a_job_runs_once_at_a_time_however_many_tickets_were_signed_for_it() {
    let now = Instant::now();
    let mut control = control();
    let first = control.admit(id(1), claim(1, 1), now).unwrap();
    assert_eq!(control.admit(id(2), claim(1, 1), now), Err(Refusal::InUse));
    control.cancel(first, now);
    control.admit(id(2), claim(1, 1), now).unwrap();
}

#[test]
fn one_device_leaves_places_and_memory_to_others() {
    let now = Instant::now();
    let of_one = |n: usize, size| Claim {
        client: PublicKey([1; 32]),
        ..claim(n, size)
    };
    let is_full = |refused| matches!(refused, Err(Refusal::Full { .. }));
    // given a device with many jobs
    let mut many = control();
    for n in 0..MAX_HELD / 2 {
        many.admit(id(n), of_one(n, 1), now).unwrap();
    }
    assert!(is_full(many.admit(id(90), of_one(90, 1), now)));
    many.admit(id(91), claim(91, 1), now).unwrap();
    // and one with a large job, and then another
    let mut large = control();
    large.admit(id(1), of_one(1, 80 * MIB), now).unwrap();
    assert!(is_full(large.admit(id(2), of_one(2, MIB), now)));
    large.admit(id(3), claim(3, 20 * MIB), now).unwrap();
}

#[test]
fn a_refused_ticket_is_reported_to_the_leader_and_a_ticket_in_use_is_not() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, BUDGET.inputs), now).unwrap();
    for _ in 0..3 {
        control.admit(id(1), claim(1, 1), now).unwrap_err();
        control.admit(id(2), claim(2, 1), now).unwrap_err();
    }
    control.drain();
    control.admit(id(3), claim(3, 1), now).unwrap_err();
    let refused = |n| Event::Finished {
        ticket: id(n),
        cpu_ms: None,
    };
    let (_, events) = control.recent(now);
    assert_eq!(events, [Event::Accepted(id(1)), refused(2), refused(3)]);
}

#[test]
fn only_completed_jobs_are_counted_and_learned_from() {
    let now = Instant::now();
    let mut control = control();
    for n in 1..=3 {
        control.admit(id(n), claim(n, MIB), now).unwrap();
    }
    control.end(id(1), done(700, 0), now);
    control.end(id(2), None, now);
    assert_eq!(control.finished(), 1);
    let (first, events) = control.recent(now);
    assert_eq!((first, events.len()), (0, 5));
    let expected = Event::Finished {
        ticket: id(1),
        cpu_ms: Some(700),
    };
    assert_eq!(events[3], expected);
    control.admit(id(4), claim(4, MIB), now).unwrap();
    assert!(control.load(1000, now).incoming_cpu_ms > 700);
}

#[test]
fn draining_refuses_new_jobs_and_keeps_admitted_ones() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, MIB), now).unwrap();
    control.drain();
    assert_eq!(
        control.admit(id(2), claim(2, MIB), now),
        Err(Refusal::Draining)
    );
    assert_eq!(control.held(), 1);
    assert!(control.load(1000, now).draining);
}

#[test]
fn an_input_that_never_fits_is_distinguished_from_one_that_does_not_fit_now() {
    let now = Instant::now();
    let mut control = control();
    control.admit(id(1), claim(1, MIB), now).unwrap();
    let full = control.admit(id(2), claim(2, BUDGET.inputs), now);
    assert!(matches!(full, Err(Refusal::Full { .. })));
    let limit = BUDGET.inputs;
    let never = control.admit(id(2), claim(2, limit + 1), now);
    assert_eq!(never, Err(Refusal::TooLong { limit }));
}

#[test]
fn a_job_without_memory_waits_and_no_other_overtakes_it() {
    // given a job that runs, a large one behind it, and a small one behind that
    let now = Instant::now();
    let mut control = control();
    for n in 1..=3 {
        control.admit(id(n), claim(n, MIB), now).unwrap();
    }
    control.enqueue(id(1), "runs", 2 * MIB);
    control.enqueue(id(2), "large", 9 * MIB);
    control.enqueue(id(3), "small", MIB);
    assert_eq!(control.begin(now), Some((id(1), "runs")));
    assert_eq!(control.begin(now), None);
    // when the first has ended, and half a MiB of its carrier is not fetched yet
    control.end(id(1), done(1, MIB / 2), now);
    // then the large one runs, and the small one when that has ended
    assert_eq!(control.begin(now), Some((id(2), "large")));
    assert_eq!(control.begin(now), None);
    control.end(id(2), None, now);
    assert_eq!(control.begin(now), Some((id(3), "small")));
}

#[test]
fn a_carrier_counts_until_it_has_been_fetched() {
    let now = Instant::now();
    let mut control = control();
    let admission = control.admit(id(1), claim(1, 3 * MIB), now).unwrap();
    control.enqueue(id(1), "", 5 * MIB);
    control.begin(now);
    let taken = |inputs, pictures| MemoryUse { inputs, pictures };
    assert_eq!(control.taken(), taken(3 * MIB, 5 * MIB));
    control.end(id(1), done(1, 2 * MIB), now);
    assert_eq!(control.taken(), taken(0, 2 * MIB));
    let load = control.load(1000, now);
    assert_eq!((load.running, load.queued, load.backlog_cpu_ms), (0, 0, 0));
    assert_eq!(control.held(), 1, "a stopping node waits for it");
    control.cancel(admission, now);
    assert_eq!((control.taken(), control.held()), (taken(0, 0), 0));
}

#[test]
fn a_job_whose_client_has_disconnected_keeps_no_carrier_and_is_not_learned_from() {
    let now = Instant::now();
    let mut control = control();
    let before = control.costs.predict(MIB);
    let admission = control.admit(id(1), claim(1, MIB), now).unwrap();
    control.enqueue(id(1), "", MIB);
    control.begin(now);
    control.cancel(admission, now);
    assert_eq!(control.load(1000, now).running, 1, "until its slot stops");
    control.end(id(1), None, now);
    assert_eq!((control.taken(), control.held()), (MemoryUse::default(), 0));
    assert_eq!(
        (control.finished(), control.costs.predict(MIB)),
        (0, before)
    );
    let (_, events) = control.recent(now);
    let ticket = id(1);
    let cpu_ms = None;
    assert_eq!(events[1], Event::Finished { ticket, cpu_ms });
}
