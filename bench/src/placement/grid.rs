//! Grid of runs: ours over workers, loads, errors and intervals, with baselines for comparison.

use cameo_dispatch::Policy;

use super::arguments::Arguments;
use super::interval::Interval;
use super::placer::Strategy;
use super::scenario::Scenario;

/// Measured jobs of a run.
const JOBS: usize = 150_000;
const QUICK_JOBS: usize = 2_000;
/// Scenario of the headline figures: workers, load, sigma.
const HEADLINE: (usize, u32, f64) = (1000, 90, 0.3);

/// A run that is compared with the oracle's run of the same scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    pub scenario: Scenario,
    pub policy: Policy,
    pub interval: Interval,
}

impl Run {
    pub fn strategy(&self) -> Strategy {
        Strategy::Scheduler(self.policy, self.interval)
    }

    /// Whether this run gives the goals' figures, which have no suffix.
    pub fn is_headline(&self) -> bool {
        let Scenario {
            workers,
            load,
            sigma,
            churn,
            ..
        } = self.scenario;
        (workers, load, sigma) == HEADLINE
            && !churn
            && self.policy == Policy::LeastProjected
            && self.interval == Interval::DEFAULT
    }

    /// Name of one of its figures.
    pub fn figure(&self, statistic: &str) -> String {
        let baseline = match self.policy {
            Policy::LeastProjected => String::new(),
            baseline => format!("{}_", baseline.name().replace('-', "_")),
        };
        let workers = self.scenario.workers;
        let rest = self.scenario.name(&self.interval.to_string());
        format!("sim_{baseline}{workers}_{statistic}_vs_oracle_{rest}")
    }
}

/// All runs, the largest ones first so that they start first.
pub fn runs(arguments: &Arguments) -> Vec<Run> {
    let sizes: &[usize] = if arguments.quick {
        &[10]
    } else {
        &[1000, 100, 10]
    };
    let scenarios = sizes.iter().flat_map(|&workers| {
        let scenario = move |load, sigma, churn| Scenario {
            workers,
            load,
            sigma,
            churn,
            jobs: if arguments.quick { QUICK_JOBS } else { JOBS },
            seed: arguments.seed,
        };
        [
            scenario(90, 0.3, false),
            scenario(70, 0.3, false),
            scenario(90, 1.0, false),
            scenario(70, 1.0, false),
            scenario(90, 0.3, true),
            scenario(70, 0.3, true),
        ]
    });
    scenarios
        .flat_map(|scenario| of(scenario, arguments.full))
        .collect()
}

fn of(scenario: Scenario, full: bool) -> Vec<Run> {
    let Scenario {
        workers,
        load,
        sigma,
        churn,
        ..
    } = scenario;
    // One absent worker of ten is too much of the whole for a meaningful load.
    if churn && workers < 100 {
        return Vec::new();
    }
    let known_size = sigma < 1.0;
    if workers == 1000 && !full && (load, known_size, churn) != (90, true, false) {
        return Vec::new();
    }
    let run = |policy, interval| Run {
        scenario,
        policy,
        interval,
    };
    let mut runs: Vec<Run> = Interval::ALL
        .into_iter()
        .filter(|interval| !churn || *interval <= Interval(super::SECOND))
        .map(|interval| run(Policy::LeastProjected, interval))
        .collect();
    let with_baselines = known_size && !churn && (full || (load == 70 && workers < 1000));
    if with_baselines {
        let others = [Policy::One, Policy::Random, Policy::RoundRobin];
        runs.extend(others.map(|policy| run(policy, Interval::DEFAULT)));
        for policy in [Policy::LeastCpu, Policy::TwoChoices] {
            runs.extend(Interval::ALL.map(|interval| run(policy, interval)));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn arguments(full: bool, quick: bool) -> Arguments {
        Arguments {
            json: true,
            full,
            quick,
            seed: 1,
            plot: None,
        }
    }

    #[test]
    fn names_of_figures_are_unique_and_one_run_is_the_headline() {
        for full in [false, true] {
            let runs = runs(&arguments(full, false));
            let names: BTreeSet<_> = runs.iter().map(|run| run.figure("p99")).collect();
            assert_eq!(names.len(), runs.len());
            assert_eq!(runs.iter().filter(|run| run.is_headline()).count(), 1);
        }
    }

    #[test]
    fn names_are_systematic() {
        let names: Vec<_> = runs(&arguments(true, false))
            .iter()
            .map(|run| run.figure("p99"))
            .collect();
        for name in [
            "sim_1000_p99_vs_oracle_90_100ms_sigma03",
            "sim_10_p99_vs_oracle_70_10s_sigma1",
            "sim_100_p99_vs_oracle_70_100ms_sigma03_churn",
            "sim_least_cpu_1000_p99_vs_oracle_90_10s_sigma03",
        ] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }

    #[test]
    fn a_quick_grid_is_small_and_has_every_policy() {
        let runs = runs(&arguments(false, true));
        assert!(runs.iter().all(|run| run.scenario.workers == 10));
        for policy in Policy::ALL {
            assert!(runs.iter().any(|run| run.policy == policy), "{policy:?}");
        }
    }
}
