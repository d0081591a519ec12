//! Jobs of a run: Poisson arrivals, sizes that span 20:1, and CPU times that correlate roughly with
//! size.
//!
//! They depend on the scenario alone, so all strategies get the same jobs.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::SECOND;
use super::scenario::Scenario;

const MIB: f64 = 1024.0 * 1024.0;
const SMALLEST_MIB: f64 = 0.15;
const LARGEST_MIB: f64 = 4.0;
/// True costs differ from the initial cost model, which has to learn them.
const TRUE_BASE_MS: f64 = 4.0;
const TRUE_MS_PER_MIB: f64 = 100.0;
/// Upload bandwidth in bytes per second: a gigabit.
const UPLOAD: f64 = 125e6;
/// Jobs that arrive earlier are not measured: workers start idle and models untrained.
pub const WARM_UP: u64 = 20 * SECOND;
/// Minimum of measured time: some rounds of the least frequent reports.
const MEASURED: u64 = 40 * SECOND;

/// One job. Times are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// Time of the placement request.
    pub at: u64,
    /// Size of the input in bytes. Only the oracle knows more beforehand.
    pub size: u64,
    /// True CPU time.
    pub cpu: u64,
    /// From the decision until the worker accepts the ticket.
    pub travel: u64,
    /// From the acceptance until the input is complete.
    pub upload: u64,
}

#[derive(Debug)]
pub struct Workload {
    rng: StdRng,
    /// Mean time between two arrivals.
    between: f64,
    sigma: f64,
    last: f64,
    until: u64,
}

impl Workload {
    /// `cores` is the number of cores available on average.
    pub fn of(scenario: &Scenario, cores: f64) -> Self {
        let cpu_a_second = cores * f64::from(scenario.load) / 100.0;
        let between = mean_cpu_ms() / 1e3 / cpu_a_second * SECOND as f64;
        let measured = (between * scenario.jobs as f64) as u64;
        Self {
            rng: StdRng::seed_from_u64(scenario.seed),
            between,
            sigma: scenario.sigma,
            last: 0.0,
            until: WARM_UP + measured.max(MEASURED),
        }
    }

    /// End of arrivals.
    pub fn until(&self) -> u64 {
        self.until
    }

    /// Log-normal factor with mean 1, so that the load does not depend on sigma.
    fn error(&mut self) -> f64 {
        let (a, b): (f64, f64) = (self.rng.random(), self.rng.random());
        // Normal deviate by Box and Muller; 1 - a is never zero.
        let normal = (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        (self.sigma * normal - self.sigma * self.sigma / 2.0).exp()
    }
}

impl Iterator for Workload {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.last -= (1.0 - self.rng.random::<f64>()).ln() * self.between;
        let mib = SMALLEST_MIB * (LARGEST_MIB / SMALLEST_MIB).powf(self.rng.random());
        let cpu_ms = (TRUE_BASE_MS + TRUE_MS_PER_MIB * mib) * self.error();
        let size = (mib * MIB) as u64;
        let arrival = Arrival {
            at: self.last as u64,
            size,
            cpu: (cpu_ms * 1e6) as u64,
            travel: self.rng.random_range(500_000..1_500_000),
            upload: (size as f64 / UPLOAD * SECOND as f64) as u64,
        };
        (arrival.at < self.until).then_some(arrival)
    }
}

/// Mean CPU time for log-uniform sizes.
fn mean_cpu_ms() -> f64 {
    let mib = (LARGEST_MIB - SMALLEST_MIB) / (LARGEST_MIB / SMALLEST_MIB).ln();
    TRUE_BASE_MS + TRUE_MS_PER_MIB * mib
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn arrivals(sigma: f64, seed: u64) -> Vec<Arrival> {
        let scenario = Scenario {
            workers: 0,
            load: 80,
            sigma,
            churn: false,
            jobs: 100_000,
            seed,
        };
        Workload::of(&scenario, 10.0).collect()
    }

    #[test]
    fn the_arriving_work_equals_the_load_for_every_error() {
        for sigma in [0.0, 0.3, 1.0] {
            let arrivals = arrivals(sigma, 1);
            let cpu: u64 = arrivals.iter().map(|arrival| arrival.cpu).sum();
            let load = cpu as f64 / arrivals.last().unwrap().at as f64 / 10.0;
            assert!((load - 0.8).abs() < 0.02, "sigma {sigma}: {load}");
        }
    }

    #[test]
    fn sizes_span_twenty_to_one() {
        let arrivals = arrivals(0.0, 1);
        let cpu = |arrival: &Arrival| arrival.cpu as f64;
        let most = arrivals.iter().map(cpu).fold(0.0, f64::max);
        let least = arrivals.iter().map(cpu).fold(f64::INFINITY, f64::min);
        assert!((19.0..23.0).contains(&(most / least)), "{}", most / least);
    }

    #[test]
    fn a_seed_determines_the_workload() {
        assert_eq!(arrivals(0.3, 1), arrivals(0.3, 1));
        assert_ne!(arrivals(0.3, 1), arrivals(0.3, 2));
    }
}
