//! Which worker dies when, and how: drawn beforehand, so that every way of placing meets the same faults.
//!
//! Half of them crash: connections break at once, and the same node comes back with a new incarnation. The other
//! half fall silent, so that clients wait for their patience to end; a new member joins in such a one's place.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::SECOND;
use super::scenario::Scenario;

/// Mean time between two deaths of one worker.
const LIFE: u64 = 60 * SECOND;
/// Until a dead one is back, or another in its place.
pub const AWAY: u64 = 10 * SECOND;
/// The faults' own sequence of chance.
const STREAM: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Crash,
    Silence,
}

impl Kind {
    /// Until the client of a job there knows.
    pub fn noticed_after(self) -> u64 {
        match self {
            Kind::Crash => SECOND / 1000,
            Kind::Silence => 2 * SECOND,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    pub at: u64,
    /// Which worker, by its place.
    pub worker: usize,
    pub kind: Kind,
}

/// Part of the time that a worker is there.
pub fn presence(scenario: &Scenario) -> f64 {
    if scenario.churn {
        LIFE as f64 / (LIFE + AWAY) as f64
    } else {
        1.0
    }
}

/// All deaths until then, in no order.
pub fn deaths(scenario: &Scenario, until: u64) -> Vec<Death> {
    if !scenario.churn {
        return Vec::new();
    }
    let mut rng = StdRng::seed_from_u64(scenario.seed ^ STREAM);
    let mut deaths = Vec::new();
    for worker in 0..scenario.workers {
        let mut born = 0;
        loop {
            let life = -(1.0 - rng.random::<f64>()).ln() * LIFE as f64;
            let at = born + life as u64;
            if at >= until {
                break;
            }
            let kind = if rng.random() {
                Kind::Crash
            } else {
                Kind::Silence
            };
            deaths.push(Death { at, worker, kind });
            born = at + AWAY;
        }
    }
    deaths
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
    fn workers_die_of_both_kinds_and_only_where_asked() {
        let deaths = deaths(&scenario(true), 600 * SECOND);
        let expected = 50.0 * 600.0 / 70.0;
        assert!(
            (deaths.len() as f64 / expected - 1.0).abs() < 0.2,
            "{}",
            deaths.len()
        );
        for kind in [Kind::Crash, Kind::Silence] {
            assert!(deaths.iter().any(|death| death.kind == kind));
        }
        assert_eq!(super::deaths(&scenario(false), 600 * SECOND), []);
    }

    #[test]
    fn nobody_dies_while_away() {
        let deaths = deaths(&scenario(true), 600 * SECOND);
        for pair in deaths.windows(2) {
            assert!(pair[0].worker != pair[1].worker || pair[1].at >= pair[0].at + AWAY);
        }
    }
}
