//! Outages of workers, drawn in advance so that all strategies get the same ones.
//!
//! Half of them are crashes: connections break at once, and the same node returns with a new
//! incarnation. In the other half the worker becomes silent, clients wait for their timeout, and a
//! new member replaces the worker.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::SECOND;
use super::scenario::Scenario;

/// Mean time between two outages of one worker.
const MEAN_UPTIME: u64 = 60 * SECOND;
/// Time until a failed worker is back or replaced.
pub const DOWNTIME: u64 = 10 * SECOND;
/// Random stream of the outages.
const STREAM: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Crash,
    Silence,
}

impl Kind {
    /// Time until the client of a job notices.
    pub fn noticed_after(self) -> u64 {
        match self {
            Kind::Crash => SECOND / 1000,
            Kind::Silence => 2 * SECOND,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    pub at: u64,
    /// Index of the worker.
    pub worker: usize,
    pub kind: Kind,
}

/// Share of the time that a worker is available.
pub fn availability(scenario: &Scenario) -> f64 {
    if scenario.churn {
        MEAN_UPTIME as f64 / (MEAN_UPTIME + DOWNTIME) as f64
    } else {
        1.0
    }
}

/// All outages before `until`, unordered.
pub fn outages(scenario: &Scenario, until: u64) -> Vec<Outage> {
    if !scenario.churn {
        return Vec::new();
    }
    let mut rng = StdRng::seed_from_u64(scenario.seed ^ STREAM);
    let mut outages = Vec::new();
    for worker in 0..scenario.workers {
        let mut born = 0;
        loop {
            let life = -(1.0 - rng.random::<f64>()).ln() * MEAN_UPTIME as f64;
            let at = born + life as u64;
            if at >= until {
                break;
            }
            let kind = if rng.random() {
                Kind::Crash
            } else {
                Kind::Silence
            };
            outages.push(Outage { at, worker, kind });
            born = at + DOWNTIME;
        }
    }
    outages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(churn: bool) -> Scenario {
        Scenario {
            workers: 50,
            load: 70,
            sigma: 0.3,
            churn,
            jobs: 1,
            seed: 3,
        }
    }

    #[test]
    fn outages_are_of_both_kinds_and_only_with_churn() {
        let outages = outages(&scenario(true), 600 * SECOND);
        let expected = 50.0 * 600.0 / 70.0;
        assert!(
            (outages.len() as f64 / expected - 1.0).abs() < 0.2,
            "{}",
            outages.len()
        );
        for kind in [Kind::Crash, Kind::Silence] {
            assert!(outages.iter().any(|outage| outage.kind == kind));
        }
        assert_eq!(super::outages(&scenario(false), 600 * SECOND), []);
    }

    #[test]
    fn no_outage_begins_during_another() {
        let outages = outages(&scenario(true), 600 * SECOND);
        for pair in outages.windows(2) {
            assert!(pair[0].worker != pair[1].worker || pair[1].at >= pair[0].at + DOWNTIME);
        }
    }
}
