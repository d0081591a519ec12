#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

pub(crate) fn worker(node: u64, backlog_cpu_ms: u64) -> Candidate {
    Candidate {
        node: NodeId(node),
        voter: true,
        leader: false,
        excluded: false,
        full: false,
        load: Some(LoadSample {
            age_ms: 10,
            usable_millicores: 1000,
            cpu_share_permille: 500,
            slots: 1,
            running: 1,
            queued: 0,
            backlog_cpu_ms,
            incoming: 0,
            incoming_cpu_ms: 0,
            draining: false,
        }),
        reserved: 0,
        reserved_cpu_ms: 0,
    }
}

pub(crate) fn input(candidates: Vec<Candidate>) -> PlacementInput {
    PlacementInput {
        policy: Policy::LeastProjected,
        term: 1,
        job: JobId([1; 16]),
        sequence: 0,
        cost_ms: 100,
        stale_after_ms: 300,
        max_wait_ms: 1000,
        seed: 7,
        candidates,
    }
}

fn choose(candidates: Vec<Candidate>) -> Choice {
    decide(input(candidates)).choice
}

#[test]
fn a_small_backlog_on_a_slow_worker_can_be_the_longer_wait() {
    let mut slow = worker(1, 60);
    slow.load.as_mut().unwrap().usable_millicores = 150;
    assert_eq!(
        choose(vec![slow, worker(2, 300)]),
        Choice::Worker(NodeId(2))
    );
}

#[test]
fn what_was_just_placed_counts_before_any_report_knows_it() {
    let mut reserved = worker(1, 0);
    (reserved.reserved, reserved.reserved_cpu_ms) = (1, 200);
    assert_eq!(
        choose(vec![reserved, worker(2, 100)]),
        Choice::Worker(NodeId(2))
    );
}

#[test]
fn what_is_on_its_way_counts_for_the_choice() {
    let mut expecting = worker(1, 0);
    let load = expecting.load.as_mut().unwrap();
    (load.incoming, load.incoming_cpu_ms) = (2, 200);
    assert_eq!(
        choose(vec![expecting, worker(2, 100)]),
        Choice::Worker(NodeId(2))
    );
}

#[test]
fn a_free_slot_is_no_wait_and_a_part_of_the_cores() {
    // given four cores of two slots, one of them taken for long
    let mut large = worker(1, 5000);
    let load = large.load.as_mut().unwrap();
    (load.usable_millicores, load.slots) = (4000, 2);
    // when a job of 100 ms is placed
    let decision = decide(input(vec![large]));
    // then it begins at once, on two of the cores
    let free = Score {
        wait_us: 0,
        finish_us: 50_000,
        rank_us: 50_000,
    };
    assert_eq!(decision.verdicts, [Verdict::Scored(free)]);
    // and with both taken it waits for the first of them: half of the work, on all cores
    large.reserved = 1;
    let decision = decide(input(vec![large]));
    let taken = Score {
        wait_us: 625_000,
        finish_us: 675_000,
        rank_us: 831_250,
    };
    assert_eq!(decision.verdicts, [Verdict::Scored(taken)]);
}

#[test]
fn full_followers_mean_come_back_and_not_the_leader() {
    let mut leader = worker(1, 0);
    leader.leader = true;
    let mut full = worker(2, 0);
    full.full = true;
    assert_eq!(choose(vec![leader, full]), Choice::Full);
    assert_eq!(
        choose(vec![leader, full, worker(3, 900)]),
        Choice::Worker(NodeId(3))
    );
    full.load.as_mut().unwrap().draining = true;
    assert_eq!(choose(vec![leader, full]), Choice::Worker(NodeId(1)));
}

#[test]
fn of_two_that_would_finish_together_the_one_that_begins_sooner_is_taken() {
    // 100 ms of work after a wait of 100, or at once on half the cores.
    let mut idle = worker(2, 0);
    idle.load.as_mut().unwrap().usable_millicores = 500;
    idle.load.as_mut().unwrap().cpu_share_permille = 900;
    assert_eq!(
        choose(vec![worker(1, 100), idle]),
        Choice::Worker(NodeId(2))
    );
}

#[test]
fn near_ties_go_to_the_lower_cpu_share() {
    let mut calm = worker(2, 101);
    calm.load.as_mut().unwrap().cpu_share_permille = 100;
    assert_eq!(
        choose(vec![worker(1, 100), calm]),
        Choice::Worker(NodeId(2))
    );
}

#[test]
fn equals_are_drawn_from_the_seed() {
    let drawn: std::collections::BTreeSet<NodeId> = (0..200)
        .filter_map(|seed| {
            let mut input = input(vec![worker(1, 0), worker(2, 0), worker(3, 0)]);
            input.seed = seed;
            match decide(input).choice {
                Choice::Worker(node) => Some(node),
                _ => None,
            }
        })
        .collect();
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [1, 2, 3].map(NodeId));
}

#[test]
fn the_leader_works_only_when_nobody_else_can() {
    let mut leader = worker(1, 0);
    leader.leader = true;
    let busy = worker(2, 900);
    assert_eq!(choose(vec![leader, busy]), Choice::Worker(NodeId(2)));
    let mut gone = worker(2, 0);
    gone.load = None;
    assert_eq!(choose(vec![leader, gone]), Choice::Worker(NodeId(1)));
}

#[test]
fn a_follower_over_the_bound_means_busy_and_not_the_leader() {
    let mut leader = worker(1, 0);
    leader.leader = true;
    let choice = choose(vec![leader, worker(2, 5000), worker(3, 4000)]);
    assert_eq!(
        choice,
        Choice::Busy {
            least_wait_us: 4_000_000
        }
    );
}

#[test]
fn small_jobs_are_not_favoured_when_all_are_busy() {
    for cost_ms in [1, 100_000] {
        let mut input = input(vec![worker(1, 1001)]);
        input.cost_ms = cost_ms;
        assert!(matches!(decide(input).choice, Choice::Busy { .. }));
    }
}

#[test]
fn a_decision_survives_its_log_and_replays() {
    let decision = decide(input(vec![worker(1, 5), worker(2, 900)]));
    let line = serde_json::to_string(&decision).unwrap();
    let mut read: Decision = serde_json::from_str(&line).unwrap();
    assert!(read.replays());
    read.choice = Choice::Worker(NodeId(2));
    assert!(!read.replays(), "a wrong choice has to be seen");
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let load = (
        0..600u64,
        0..4000u32,
        0..=1000u16,
        0..3000u64,
        0..3000u64,
        1..5u32,
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(
                age_ms,
                usable_millicores,
                share,
                backlog_cpu_ms,
                incoming_cpu_ms,
                slots,
                draining,
            )| {
                LoadSample {
                    age_ms,
                    usable_millicores,
                    cpu_share_permille: share,
                    slots,
                    running: u32::from(backlog_cpu_ms > 0),
                    queued: (backlog_cpu_ms / 400) as u32,
                    backlog_cpu_ms,
                    incoming: (incoming_cpu_ms / 500) as u32,
                    incoming_cpu_ms,
                    draining,
                }
            },
        );
    (
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.9, load),
        0..2000u64,
    )
        .prop_map(|(voter, excluded, full, load, reserved_cpu_ms)| Candidate {
            node: NodeId(0),
            voter,
            leader: false,
            excluded,
            full,
            load,
            reserved: (reserved_cpu_ms / 300) as u32,
            reserved_cpu_ms,
        })
}

fn any_input() -> impl Strategy<Value = PlacementInput> {
    (
        prop::collection::vec(candidate(), 0..12),
        1..5000u64,
        any::<u64>(),
        0..12usize,
    )
        .prop_map(|(mut candidates, cost_ms, seed, leader)| {
            for (at, candidate) in candidates.iter_mut().enumerate() {
                candidate.node = NodeId(at as u64 + 1);
                candidate.leader = at == leader;
            }
            PlacementInput {
                cost_ms,
                seed,
                ..input(candidates)
            }
        })
}

fn works(candidate: &Candidate, input: &PlacementInput) -> bool {
    let fresh = |load: &LoadSample| !load.draining && load.age_ms <= input.stale_after_ms;
    !candidate.excluded && candidate.load.as_ref().is_some_and(fresh)
}

/// The rule of law J2, written a second time and without regard for speed.
fn could(candidate: &Candidate, input: &PlacementInput) -> Option<f64> {
    let load = candidate.load.as_ref()?;
    let jobs = candidate.reserved + load.running + load.queued + load.incoming;
    let ahead = candidate.reserved_cpu_ms + load.backlog_cpu_ms + load.incoming_cpu_ms;
    // One of the slots is free when all but the others' jobs have ended.
    let (jobs, slots) = (f64::from(jobs), f64::from(load.slots));
    let part = if jobs < slots {
        0.0
    } else {
        (jobs - slots + 1.0) / jobs
    };
    let work = 1.25 * ahead as f64 * part + input.cost_ms as f64 * slots;
    let able = works(candidate, input) && !candidate.full;
    able.then(|| work * 1e6 / f64::from(load.usable_millicores.max(10)))
}

proptest! {
    #[test]
    fn the_chosen_is_the_least_within_the_margin(input in any_input()) {
        let decision = decide(input.clone());
        prop_assert!(decision.replays());
        let Choice::Worker(chosen) = decision.choice else { return Ok(()); };
        let chosen = input.candidates.iter().find(|c| c.node == chosen).unwrap();
        let score = could(chosen, &input).expect("never excluded, draining, stale or silent");
        for other in input.candidates.iter().filter(|c| c.leader == chosen.leader) {
            if let Some(least) = could(other, &input) {
                let share = least * TIE_MARGIN_PERMILLE as f64 / 1000.0;
                let margin = share.max(TIE_MARGIN_US as f64);
                prop_assert!(score <= least + margin + 2.0, "{score} against {least}");
            }
        }
    }

    #[test]
    fn the_leader_is_last(input in any_input()) {
        let follower = input.candidates.iter()
            .any(|c| !c.leader && could(c, &input).is_some());
        let leader = input.candidates.iter().find(|c| c.leader).map(|c| c.node);
        if let Choice::Worker(chosen) = decide(input).choice {
            prop_assert!(!(follower && Some(chosen) == leader));
        }
    }

    #[test]
    fn nobody_only_when_none_could(input in any_input()) {
        let anyone = input.candidates.iter().any(|c| works(c, &input));
        prop_assert_eq!(decide(input).choice == Choice::Nobody, !anyone);
    }

    #[test]
    fn full_only_when_all_that_could_are(input in any_input()) {
        let works: Vec<&Candidate> = input.candidates.iter().filter(|c| works(c, &input)).collect();
        let followers = works.iter().any(|c| !c.leader);
        let mut asked = works.iter().filter(|c| c.leader != followers);
        let all_full = !works.is_empty() && asked.all(|c| c.full);
        prop_assert_eq!(decide(input.clone()).choice == Choice::Full, all_full);
    }

    #[test]
    fn inputs_on_their_way_are_no_reason_to_refuse(input in any_input()) {
        let mut without = input.clone();
        for load in without.candidates.iter_mut().filter_map(|c| c.load.as_mut()) {
            (load.incoming, load.incoming_cpu_ms) = (0, 0);
        }
        let refusal = |input| match decide(input).choice {
            Choice::Worker(_) => None,
            refused => Some(refused),
        };
        prop_assert_eq!(refusal(input), refusal(without));
    }
}

proptest! {
    /// Admission control uses the queueing delay, and a job's own size is no part of it.
    #[test]
    fn a_tiny_and_a_huge_job_get_the_same_admission(input in any_input(), huge in 1..u64::MAX / 2) {
        let admitted = |cost_ms| {
            let choice = decide(PlacementInput { cost_ms, ..input.clone() }).choice;
            match choice {
                Choice::Worker(_) => None,
                refused => Some(refused),
            }
        };
        prop_assert_eq!(admitted(1), admitted(huge));
    }
}
