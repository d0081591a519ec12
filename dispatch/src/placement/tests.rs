#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn worker(node: NodeId, backlog_cpu_ms: u64) -> Candidate {
    Candidate {
        node,
        voter: true,
        leader: false,
        excluded: false,
        full: false,
        heard: Some(Heard {
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
        booked: 0,
        booked_cpu_ms: 0,
    }
}

fn question(candidates: Vec<Candidate>) -> Question {
    Question {
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
    decide(question(candidates)).choice
}

#[test]
fn a_small_backlog_on_a_slow_worker_can_be_the_longer_wait() {
    let mut slow = worker(1, 60);
    slow.heard.as_mut().unwrap().usable_millicores = 150;
    assert_eq!(choose(vec![slow, worker(2, 300)]), Choice::Worker(2));
}

#[test]
fn what_was_just_placed_counts_before_any_report_knows_it() {
    let mut booked = worker(1, 0);
    (booked.booked, booked.booked_cpu_ms) = (1, 200);
    assert_eq!(choose(vec![booked, worker(2, 100)]), Choice::Worker(2));
}

#[test]
fn what_is_on_its_way_counts_for_the_choice() {
    let mut expecting = worker(1, 0);
    let heard = expecting.heard.as_mut().unwrap();
    (heard.incoming, heard.incoming_cpu_ms) = (2, 200);
    assert_eq!(choose(vec![expecting, worker(2, 100)]), Choice::Worker(2));
}

#[test]
fn a_free_slot_is_no_wait_and_a_part_of_the_cores() {
    // given four cores of two slots, one of them taken for long
    let mut large = worker(1, 5000);
    let heard = large.heard.as_mut().unwrap();
    (heard.usable_millicores, heard.slots) = (4000, 2);
    // when a job of 100 ms is placed
    let decision = decide(question(vec![large]));
    // then it begins at once, on two of the cores
    let free = Score {
        wait_us: 0,
        finish_us: 50_000,
        rank_us: 50_000,
    };
    assert_eq!(decision.verdicts, [Verdict::Scored(free)]);
    // and with both taken it waits for the first of them: half of the work, on all cores
    large.booked = 1;
    let decision = decide(question(vec![large]));
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
        Choice::Worker(3)
    );
    full.heard.as_mut().unwrap().draining = true;
    assert_eq!(choose(vec![leader, full]), Choice::Worker(1));
}

#[test]
fn of_two_that_would_finish_together_the_one_that_begins_sooner_is_taken() {
    // 100 ms of work after a wait of 100, or at once on half the cores.
    let mut idle = worker(2, 0);
    idle.heard.as_mut().unwrap().usable_millicores = 500;
    idle.heard.as_mut().unwrap().cpu_share_permille = 900;
    assert_eq!(choose(vec![worker(1, 100), idle]), Choice::Worker(2));
}

#[test]
fn near_ties_go_to_the_lower_cpu_share() {
    let mut calm = worker(2, 101);
    calm.heard.as_mut().unwrap().cpu_share_permille = 100;
    assert_eq!(choose(vec![worker(1, 100), calm]), Choice::Worker(2));
}

#[test]
fn equals_are_drawn_from_the_seed() {
    let drawn: std::collections::BTreeSet<NodeId> = (0..200)
        .filter_map(|seed| {
            let mut question = question(vec![worker(1, 0), worker(2, 0), worker(3, 0)]);
            question.seed = seed;
            match decide(question).choice {
                Choice::Worker(node) => Some(node),
                _ => None,
            }
        })
        .collect();
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_leader_works_only_when_nobody_else_can() {
    let mut leader = worker(1, 0);
    leader.leader = true;
    let busy = worker(2, 900);
    assert_eq!(choose(vec![leader, busy]), Choice::Worker(2));
    let mut gone = worker(2, 0);
    gone.heard = None;
    assert_eq!(choose(vec![leader, gone]), Choice::Worker(1));
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
        let mut question = question(vec![worker(1, 1001)]);
        question.cost_ms = cost_ms;
        assert!(matches!(decide(question).choice, Choice::Busy { .. }));
    }
}

#[test]
fn a_decision_survives_its_log_and_replays() {
    let decision = decide(question(vec![worker(1, 5), worker(2, 900)]));
    let line = serde_json::to_string(&decision).unwrap();
    let mut read: Decision = serde_json::from_str(&line).unwrap();
    assert!(read.replays());
    read.choice = Choice::Worker(2);
    assert!(!read.replays(), "a wrong choice has to be seen");
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let heard = (
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
                Heard {
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
        prop::option::weighted(0.9, heard),
        0..2000u64,
    )
        .prop_map(|(voter, excluded, full, heard, booked_cpu_ms)| Candidate {
            node: 0,
            voter,
            leader: false,
            excluded,
            full,
            heard,
            booked: (booked_cpu_ms / 300) as u32,
            booked_cpu_ms,
        })
}

fn any_question() -> impl Strategy<Value = Question> {
    (
        prop::collection::vec(candidate(), 0..12),
        1..5000u64,
        any::<u64>(),
        0..12usize,
    )
        .prop_map(|(mut candidates, cost_ms, seed, leader)| {
            for (at, candidate) in candidates.iter_mut().enumerate() {
                candidate.node = at as NodeId + 1;
                candidate.leader = at == leader;
            }
            Question {
                cost_ms,
                seed,
                ..question(candidates)
            }
        })
}

fn works(candidate: &Candidate, question: &Question) -> bool {
    let fresh = |heard: &Heard| !heard.draining && heard.age_ms <= question.stale_after_ms;
    !candidate.excluded && candidate.heard.as_ref().is_some_and(fresh)
}

/// The rule of the design, written a second time and without regard for speed.
fn could(candidate: &Candidate, question: &Question) -> Option<f64> {
    let heard = candidate.heard.as_ref()?;
    let jobs = candidate.booked + heard.running + heard.queued + heard.incoming;
    let ahead = candidate.booked_cpu_ms + heard.backlog_cpu_ms + heard.incoming_cpu_ms;
    // One of the slots is free when all but the others' jobs have ended.
    let (jobs, slots) = (f64::from(jobs), f64::from(heard.slots));
    let part = if jobs < slots {
        0.0
    } else {
        (jobs - slots + 1.0) / jobs
    };
    let work = 1.25 * ahead as f64 * part + question.cost_ms as f64 * slots;
    let able = works(candidate, question) && !candidate.full;
    able.then(|| work * 1e6 / f64::from(heard.usable_millicores.max(10)))
}

proptest! {
    #[test]
    fn the_chosen_is_the_least_within_the_margin(question in any_question()) {
        let decision = decide(question.clone());
        prop_assert!(decision.replays());
        let Choice::Worker(chosen) = decision.choice else { return Ok(()); };
        let chosen = question.candidates.iter().find(|c| c.node == chosen).unwrap();
        let score = could(chosen, &question).expect("never excluded, draining, stale or silent");
        for other in question.candidates.iter().filter(|c| c.leader == chosen.leader) {
            if let Some(least) = could(other, &question) {
                let margin = (least * TIE_MARGIN_PERMILLE as f64 / 1000.0).max(TIE_MARGIN_US as f64);
                prop_assert!(score <= least + margin + 2.0, "{score} against {least}");
            }
        }
    }

    #[test]
    fn the_leader_is_last(question in any_question()) {
        let follower = question.candidates.iter()
            .any(|c| !c.leader && could(c, &question).is_some());
        let leader = question.candidates.iter().find(|c| c.leader).map(|c| c.node);
        if let Choice::Worker(chosen) = decide(question).choice {
            prop_assert!(!(follower && Some(chosen) == leader));
        }
    }

    #[test]
    fn nobody_only_when_none_could(question in any_question()) {
        let anyone = question.candidates.iter().any(|c| works(c, &question));
        prop_assert_eq!(decide(question).choice == Choice::Nobody, !anyone);
    }

    #[test]
    fn full_only_when_all_that_could_are(question in any_question()) {
        let works: Vec<&Candidate> = question.candidates.iter().filter(|c| works(c, &question)).collect();
        let followers = works.iter().any(|c| !c.leader);
        let mut asked = works.iter().filter(|c| c.leader != followers);
        let all_full = !works.is_empty() && asked.all(|c| c.full);
        prop_assert_eq!(decide(question.clone()).choice == Choice::Full, all_full);
    }

    #[test]
    fn inputs_on_their_way_are_no_reason_to_refuse(question in any_question()) {
        let mut without = question.clone();
        for heard in without.candidates.iter_mut().filter_map(|c| c.heard.as_mut()) {
            (heard.incoming, heard.incoming_cpu_ms) = (0, 0);
        }
        let refusal = |question| match decide(question).choice {
            Choice::Worker(_) => None,
            refused => Some(refused),
        };
        prop_assert_eq!(refusal(question), refusal(without));
    }
}

fn chosen_by(policy: Policy, sequence: u64, seed: u64, candidates: &[Candidate]) -> Choice {
    let question = Question {
        policy,
        sequence,
        seed,
        ..question(candidates.to_vec())
    };
    decide(question).choice
}

#[test]
fn rivals_choose_as_their_names_say() {
    let mut candidates = [worker(1, 0), worker(2, 0), worker(3, 0)];
    let busy = candidates[1].heard.as_mut().unwrap();
    (busy.cpu_share_permille, busy.backlog_cpu_ms) = (100, 900_000);
    candidates[0].heard.as_mut().unwrap().queued = 9;
    let all: Vec<_> = (0..60).collect();
    let by = |policy, n: u64| chosen_by(policy, n, n * 7919, &candidates);
    for n in &all {
        assert_eq!(by(Policy::One, *n), Choice::Worker(1));
        assert_eq!(by(Policy::LeastCpu, *n), Choice::Worker(2));
        assert_ne!(by(Policy::TwoChoices, *n), Choice::Worker(1));
        assert_eq!(by(Policy::RoundRobin, *n), Choice::Worker(n % 3 + 1));
    }
    let drawn: std::collections::HashSet<_> = all
        .iter()
        .map(|n| format!("{:?}", by(Policy::Random, *n)))
        .collect();
    assert_eq!(drawn.len(), 3);
    assert_eq!(
        chosen_by(Policy::TwoChoices, 0, 0, &candidates[..1]),
        Choice::Worker(1)
    );
}

#[test]
fn no_policy_takes_one_that_cannot() {
    let mut gone = worker(1, 0);
    gone.heard = None;
    for policy in Policy::ALL {
        assert_eq!(Policy::named(policy.name()), Some(policy));
        assert_eq!(chosen_by(policy, 0, 1, &[gone]), Choice::Nobody);
        assert_eq!(
            chosen_by(policy, 0, 1, &[gone, worker(2, 0)]),
            Choice::Worker(2)
        );
    }
}

proptest! {
    /// Admission looks at how long a job would wait, and a job's own size is no part of that.
    #[test]
    fn a_tiny_and_a_huge_job_get_the_same_admission(question in any_question(), huge in 1..u64::MAX / 2) {
        let admitted = |cost_ms| {
            let choice = decide(Question { cost_ms, ..question.clone() }).choice;
            match choice {
                Choice::Worker(_) => None,
                refused => Some(refused),
            }
        };
        prop_assert_eq!(admitted(1), admitted(huge));
    }
}
