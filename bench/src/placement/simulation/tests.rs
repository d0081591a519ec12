use cameo_dispatch::Policy;

use super::*;
use crate::placement::interval::Interval;

const OURS: Strategy = Strategy::Scheduler(Policy::LeastProjected, Interval::DEFAULT);

fn scenario(churn: bool, seed: u64) -> Scenario {
    Scenario {
        workers: 10,
        load: 80,
        sigma: 0.3,
        churn,
        jobs: 1000,
        seed,
    }
}

#[test]
fn a_seed_determines_the_run() {
    let first = simulate(&scenario(true, 1), OURS);
    assert_eq!(first, simulate(&scenario(true, 1), OURS));
    assert_ne!(first, simulate(&scenario(true, 2), OURS));
}

#[test]
fn every_strategy_gets_the_same_jobs_and_every_job_ends() {
    let oracle = simulate(&scenario(false, 1), Strategy::Oracle);
    for policy in Policy::ALL {
        let outcome = simulate(
            &scenario(false, 1),
            Strategy::Scheduler(policy, Interval::DEFAULT),
        );
        assert_eq!(outcome.jobs, oracle.jobs, "{policy:?}");
        assert!(outcome.mean > oracle.mean * 0.9, "{policy:?}: {outcome:?}");
    }
}

#[test]
fn jobs_of_failed_workers_end_elsewhere() {
    assert_eq!(simulate(&scenario(false, 1), OURS).retried, 0);
    let outcome = simulate(&scenario(true, 1), OURS);
    assert!(outcome.retried > 0, "{outcome:?}");
}

#[test]
fn placing_all_jobs_on_one_worker_diverges_and_ours_does_not() {
    let one = simulate(
        &scenario(false, 1),
        Strategy::Scheduler(Policy::One, Interval::DEFAULT),
    );
    assert!(one.diverges(), "{one:?}");
    let ours = simulate(&scenario(false, 1), OURS);
    assert!(!ours.diverges(), "{ours:?}");
}
