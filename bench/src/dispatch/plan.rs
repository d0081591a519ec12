//! Plans of arrivals, drawn from a seed, and the same for every policy.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use cameo_chaos::workload::Arrival;

/// A Poisson process of `count` jobs of `kinds` equally likely kinds, `per_second` on average.
#[must_use]
pub fn poisson(seed: u64, count: usize, kinds: usize, per_second: f64) -> Vec<Arrival> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut at = 0.0;
    (0..count)
        .map(|_| {
            let draw: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
            at -= draw.ln() / per_second;
            Arrival {
                at: Duration::from_secs_f64(at),
                kind: rng.random_range(0..kinds),
            }
        })
        .collect()
}

/// Kinds of `count` jobs, equally likely.
#[must_use]
pub fn kinds(seed: u64, count: usize, kinds: usize) -> Vec<usize> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(0..kinds)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_the_plan_and_the_rate_is_as_requested() {
        let plan = poisson(5, 4000, 10, 20.0);
        assert_eq!(plan, poisson(5, 4000, 10, 20.0));
        assert_ne!(plan, poisson(6, 4000, 10, 20.0));
        let rate = 4000.0 / plan[3999].at.as_secs_f64();
        assert!((18.0..22.0).contains(&rate), "{rate} a second");
        for kind in 0..10 {
            let count = plan.iter().filter(|arrival| arrival.kind == kind).count();
            assert!((300..500).contains(&count), "{count} of kind {kind}");
        }
    }
}
