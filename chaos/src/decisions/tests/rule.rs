//! Decisions with one fault each.

use super::*;

#[test]
fn a_near_tie_may_go_either_way() {
    let mut lines = some(1);
    // given a follower that is better by less than the margin, and has more work otherwise
    lines[0] = logged(4, 0, vec![worker(NodeId(2), 300), worker(NodeId(3), 301)]);
    let calm = &mut lines[0].decision.input.candidates[1];
    calm.load.as_mut().unwrap().cpu_share_permille = 0;
    lines[0].decision = decide(lines[0].decision.input.clone());
    assert_eq!(lines[0].decision.choice, Choice::Worker(NodeId(3)));
    assert!(check_lines(&lines).ok);
}

#[test]
fn a_worse_worker_is_caught_and_so_is_any_other_wrong_choice() {
    let planted = [
        (Choice::Worker(NodeId(3)), "more than the margin"),
        (Choice::Worker(LEADER), "though node 2 can work"),
        (Choice::Worker(NodeId(9)), "no candidate"),
        (Choice::Nobody, "though node 2 can work"),
        (
            Choice::Busy {
                least_wait_us: 50_000,
            },
            "within 1000 ms",
        ),
        (Choice::Busy { least_wait_us: 1 }, "the least is 50000 us"),
        (Choice::Full, "though node 2 is not"),
    ];
    for (choice, why) in planted {
        let mut lines = some(3);
        lines[1].decision.choice = choice;
        assert_broken(&check_lines(&lines), 2, why);
    }
}

#[test]
fn a_job_over_the_bound_must_be_refused_and_an_ineligible_node_must_not_work() {
    let mut over = logged(4, 0, vec![worker(NodeId(2), 9_000)]);
    over.decision.choice = Choice::Worker(NodeId(2));
    assert_broken(&check_lines(&[over]), 1, "over 1000 ms");

    let mut draining = worker(NodeId(2), 0);
    draining.load.as_mut().unwrap().draining = true;
    let mut chosen = logged(4, 0, vec![draining]);
    chosen.decision.choice = Choice::Worker(NodeId(2));
    assert_broken(&check_lines(&[chosen]), 1, "cannot work");

    let mut alone = logged(4, 0, vec![]);
    alone.decision.choice = Choice::Busy { least_wait_us: 1 };
    assert_broken(&check_lines(&[alone]), 1, "none can work");
}

#[test]
fn the_leader_does_not_replace_full_followers() {
    let mut full = worker(NodeId(2), 0);
    full.full = true;
    let right = logged(4, 0, vec![worker(LEADER, 0), full]);
    assert_eq!(right.decision.choice, Choice::Full);
    assert!(check_lines(std::slice::from_ref(&right)).ok);
    for (choice, why) in [
        (Choice::Worker(NodeId(2)), "cannot work"),
        (Choice::Worker(LEADER), "though node 2 can work"),
        (Choice::Nobody, "though node 2 can work"),
    ] {
        let mut wrong = right.clone();
        wrong.decision.choice = choice;
        assert_broken(&check_lines(&[wrong]), 1, why);
    }
    let mut alone = logged(4, 0, vec![]);
    alone.decision.choice = Choice::Full;
    assert_broken(&check_lines(&[alone]), 1, "none can work");
}

/// The two implementations of the rule must agree to the microsecond.
#[test]
fn every_decision_of_the_scheduler_passes() {
    const SEED: u64 = 4;
    println!("seed {SEED}");
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut candidate = |node: u64| {
        let mut candidate = worker(NodeId(node), rng.random_range(0..3_000));
        let load = candidate.load.as_mut().unwrap();
        load.usable_millicores = rng.random_range(0..6_000);
        load.slots = rng.random_range(0..5);
        load.queued = rng.random_range(0..5);
        load.incoming = rng.random_range(0..5);
        load.incoming_cpu_ms = rng.random_range(0..500);
        load.draining = rng.random_bool(0.1);
        load.age_ms = rng.random_range(0..330);
        candidate.reserved = rng.random_range(0..4);
        candidate.reserved_cpu_ms = rng.random_range(0..500);
        candidate.full = rng.random_bool(0.2);
        candidate
    };
    let lines: Vec<Logged> = (0..3_000)
        .map(|n| logged(4, n, (1..=n % 5).map(&mut candidate).collect()))
        .collect();
    let outcome = check_lines(&lines);
    assert!(outcome.ok, "{outcome}");
    // And every kind of choice was among them.
    let full = lines
        .iter()
        .filter(|line| line.decision.choice == Choice::Full);
    assert!(full.count() > 50 && outcome.nobody > 50 && outcome.busy > 200);
    assert!(outcome.on_leader > 50 && outcome.by_worker.len() == 4);
}

#[test]
fn a_verdict_that_does_not_fit_its_numbers_is_caught() {
    let wrong = [
        Verdict::Excluded,
        Verdict::Silent,
        Verdict::Stale,
        Verdict::Draining,
        Verdict::Full,
        Verdict::Scored(Score {
            wait_us: 50_000,
            finish_us: 150_001,
            rank_us: 150_001,
        }),
    ];
    for verdict in wrong {
        let mut lines = some(2);
        lines[1].decision.verdicts[1] = verdict;
        assert_broken(&check_lines(&lines), 2, "verdict");
    }
    let mut lines = some(2);
    lines[1].decision.verdicts.pop();
    assert_broken(&check_lines(&lines), 2, "2 verdicts on 3 candidates");
}

#[test]
fn a_node_that_cannot_work_is_not_scored() {
    let change: [fn(&mut Candidate); 4] = [
        |candidate| candidate.excluded = true,
        |candidate| candidate.load = None,
        |candidate| candidate.load.as_mut().unwrap().age_ms = 301,
        |candidate| candidate.load.as_mut().unwrap().draining = true,
    ];
    for change in change {
        let mut lines = some(1);
        change(&mut lines[0].decision.input.candidates[1]);
        assert_broken(&check_lines(&lines), 1, "verdict");
    }
}

#[test]
fn a_false_leader_and_a_node_twice_are_caught() {
    let mut lines = some(1);
    lines[0].decision.input.candidates[0].leader = false;
    assert_broken(&check_lines(&lines), 1, "taken for the leader");
    let twice = logged(4, 0, vec![worker(NodeId(2), 0), worker(NodeId(2), 0)]);
    assert_broken(&check_lines(&[twice]), 1, "twice");
}

#[test]
fn a_tie_that_was_not_drawn_from_its_seed_is_caught() {
    // given two equal workers, so that only deciding again detects it
    let mut line = logged(4, 0, vec![worker(NodeId(2), 0), worker(NodeId(3), 0)]);
    line.decision.choice = match line.decision.choice {
        Choice::Worker(NodeId(2)) => Choice::Worker(NodeId(3)),
        _ => Choice::Worker(NodeId(2)),
    };
    assert_broken(&check_lines(&[line]), 1, "deciding again");
}

#[test]
fn baselines_are_judged_by_the_rules_for_all_policies_and_named() {
    let mut lines = some(4);
    for line in &mut lines[1..3] {
        line.decision.input.policy = Policy::Random;
        line.decision = decide(line.decision.input.clone());
    }
    let outcome = check_lines(&lines);
    assert!(outcome.ok, "{outcome}");
    let unjudged = &outcome.not_judged[0];
    assert_eq!(
        (unjudged.first, unjudged.last, unjudged.policy),
        (2, 3, "random")
    );
    assert!(outcome.to_string().contains("not judged"));
    lines[1].decision.choice = Choice::Worker(LEADER);
    assert_broken(&check_lines(&lines), 2, "the leader was chosen");
}
