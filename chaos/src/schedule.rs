//! The schedule of faults: a pure function of the seed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A fault of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, then started again.
    Kill,
    /// SIGTERM, then started again.
    Stop,
    /// SIGSTOP until the others have made progress, then SIGCONT.
    Pause,
}

/// The node that has the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Leader,
    /// The follower at this index among the followers.
    Follower(usize),
}

/// The rounds of a run.
#[must_use]
pub fn plan(seed: u64, rounds: usize, nodes: usize) -> Vec<(Fault, Target)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut round = || {
        let fault = match rng.random_range(0..3) {
            0 => Fault::Kill,
            1 => Fault::Stop,
            _ => Fault::Pause,
        };
        let target = match rng.random_range(0..2) {
            0 => Target::Leader,
            _ => Target::Follower(rng.random_range(0..nodes.max(2) - 1)),
        };
        (fault, target)
    };
    (0..rounds).map(|_| round()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_the_plan() {
        assert_eq!(plan(7, 20, 3), plan(7, 20, 3));
        assert_ne!(plan(7, 20, 3), plan(8, 20, 3));
    }

    #[test]
    fn every_fault_and_target_occurs() {
        let plan = plan(1, 50, 3);
        for fault in [Fault::Kill, Fault::Stop, Fault::Pause] {
            assert!(
                plan.iter().any(|(planned, _)| *planned == fault),
                "{fault:?}"
            );
        }
        assert!(plan.iter().any(|(_, target)| *target == Target::Leader));
        assert!(
            plan.iter()
                .any(|(_, target)| *target == Target::Follower(1))
        );
    }
}
