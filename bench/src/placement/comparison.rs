//! Comparison of runs with the oracle's run of the same scenario, and its figures.

use rayon::prelude::*;

use super::grid::Run;
use super::outcome::Outcome;
use super::placer::Strategy;
use super::scenario::Scenario;
use super::simulation::simulate;
use crate::figure::Figure;
use crate::rounding::round;

#[derive(Debug, Clone)]
pub struct Comparison {
    pub run: Run,
    pub ours: Outcome,
    pub oracle: Outcome,
}

/// Executes all runs in parallel. Each depends on its scenario alone, so their order does not
/// matter.
pub fn compare(runs: &[Run]) -> Vec<Comparison> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for run in runs {
        if !scenarios.contains(&run.scenario) {
            scenarios.push(run.scenario);
        }
    }
    let oracles: Vec<Outcome> = scenarios
        .par_iter()
        .with_max_len(1)
        .map(|scenario| simulate(scenario, Strategy::Oracle))
        .collect();
    runs.par_iter()
        .with_max_len(1)
        .filter_map(|run| {
            let at = scenarios
                .iter()
                .position(|scenario| *scenario == run.scenario)?;
            Some(Comparison {
                run: *run,
                ours: simulate(&run.scenario, run.strategy()),
                oracle: oracles[at].clone(),
            })
        })
        .collect()
}

impl Comparison {
    pub fn p99(&self) -> f64 {
        self.ours.p99 / self.oracle.p99
    }

    pub fn mean(&self) -> f64 {
        self.ours.mean / self.oracle.mean
    }

    pub fn figures(&self) -> [Figure; 2] {
        self.named(self.run.figure("p99"), self.run.figure("mean"))
    }

    /// The same figures under the names that the goals use.
    pub fn headlines(&self) -> [Figure; 2] {
        let workers = self.run.scenario.workers;
        self.named(
            format!("sim_{workers}_p99_vs_oracle"),
            format!("sim_{workers}_mean_vs_oracle"),
        )
    }

    fn named(&self, p99: String, mean: String) -> [Figure; 2] {
        let Comparison { ours, oracle, .. } = self;
        let figure = |name, ratio, ours: f64, oracle: f64| {
            let (ours, oracle) = (round(ours * 1e3), round(oracle * 1e3));
            let note = format!("{ours} ms, oracle {oracle} ms{}", self.remarks());
            Figure::new(name, ratio, "x", self.ours.jobs, note)
        };
        [
            figure(p99, self.p99(), ours.p99, oracle.p99),
            figure(mean, self.mean(), ours.mean, oracle.mean),
        ]
    }

    fn remarks(&self) -> String {
        let mut remarks = String::new();
        if self.ours.diverges() {
            let (growth, lasted) = (round(self.ours.growth), round(self.ours.lasted));
            remarks += &format!(
                "; diverges: depends on the run's length, {lasted} s; later half / earlier half \
                 {growth}"
            );
        }
        if self.ours.refused > 0 {
            remarks += &format!("; {} placements refused", self.ours.refused);
        }
        if self.ours.retried > 0 {
            let (ours, oracle) = (self.ours.retried, self.oracle.retried);
            remarks += &format!("; {ours} jobs placed again, oracle {oracle}");
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_dispatch::Policy;

    use super::*;
    use crate::placement::interval::Interval;

    fn run(policy: Policy) -> Run {
        Run {
            scenario: Scenario {
                workers: 10,
                load: 70,
                sigma: 0.3,
                churn: false,
                jobs: 1000,
                seed: 7,
            },
            policy,
            interval: Interval::DEFAULT,
        }
    }

    #[test]
    fn figures_of_one_seed_are_the_same_to_the_last_digit() {
        let figures = || -> Vec<Figure> {
            let compared = compare(&[run(Policy::LeastProjected), run(Policy::TwoChoices)]);
            compared.iter().flat_map(Comparison::figures).collect()
        };
        assert_eq!(figures(), figures());
    }

    #[test]
    fn a_diverging_baseline_is_reported_as_such() {
        let compared = compare(&[run(Policy::LeastProjected), run(Policy::One)]);
        let [ours, one] = compared.as_slice() else {
            panic!("two runs were asked for");
        };
        assert!(!ours.figures()[0].note.contains("diverges"));
        assert!(one.figures()[0].note.contains("diverges"));
        assert!(ours.p99() < 1.5 && one.p99() > 10.0);
    }
}
