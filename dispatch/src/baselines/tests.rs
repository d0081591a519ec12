#![allow(clippy::unwrap_used)]
use super::*;
use crate::placement::tests::{input, worker};

fn chosen_by(policy: Policy, sequence: u64, seed: u64, candidates: &[Candidate]) -> Choice {
    let input = PlacementInput {
        policy,
        sequence,
        seed,
        ..input(candidates.to_vec())
    };
    decide(input).choice
}

#[test]
fn baselines_choose_as_their_names_say() {
    let mut candidates = [worker(1, 0), worker(2, 0), worker(3, 0)];
    let busy = candidates[1].load.as_mut().unwrap();
    (busy.cpu_share_permille, busy.backlog_cpu_ms) = (100, 900_000);
    candidates[0].load.as_mut().unwrap().queued = 9;
    let all: Vec<_> = (0..60).collect();
    let by = |policy, n: u64| chosen_by(policy, n, n * 7919, &candidates);
    for n in &all {
        assert_eq!(by(Policy::One, *n), Choice::Worker(NodeId(1)));
        assert_eq!(by(Policy::LeastCpu, *n), Choice::Worker(NodeId(2)));
        assert_ne!(by(Policy::TwoChoices, *n), Choice::Worker(NodeId(1)));
        assert_eq!(
            by(Policy::RoundRobin, *n),
            Choice::Worker(NodeId(n % 3 + 1))
        );
    }
    let drawn: std::collections::HashSet<_> = all
        .iter()
        .map(|n| format!("{:?}", by(Policy::Random, *n)))
        .collect();
    assert_eq!(drawn.len(), 3);
    assert_eq!(
        chosen_by(Policy::TwoChoices, 0, 0, &candidates[..1]),
        Choice::Worker(NodeId(1))
    );
}

#[test]
fn no_policy_takes_one_that_cannot() {
    let mut gone = worker(1, 0);
    gone.load = None;
    for policy in Policy::ALL {
        assert_eq!(Policy::named(policy.name()), Some(policy));
        assert_eq!(chosen_by(policy, 0, 1, &[gone]), Choice::Nobody);
        assert_eq!(
            chosen_by(policy, 0, 1, &[gone, worker(2, 0)]),
            Choice::Worker(NodeId(2))
        );
    }
}
