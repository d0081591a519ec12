//! Outcome of one simulated run.

/// Queues grow without bound if the mean latency of the later half exceeds that of the earlier half
/// by this factor.
const GROWTH_LIMIT: f64 = 1.5;
/// Queues also count as unbounded if p99 exceeds this share of the run's time. Schedulers stop at
/// some thousand open jobs a worker, so even an unstable queue stops growing.
const P99_LIMIT: f64 = 0.2;

/// Latencies in seconds, from the first placement request to the end of the job.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub jobs: usize,
    pub mean: f64,
    pub p99: f64,
    /// Mean of the later half / mean of the earlier half.
    pub growth: f64,
    /// Duration of arrivals, in seconds.
    pub lasted: f64,
    /// Number of refused placements.
    pub refused: usize,
    /// Number of placements after a worker's failure.
    pub retried: usize,
}

impl Outcome {
    /// `latencies` are in the order of arrival, and not empty.
    pub fn of(latencies: &[f64], lasted: f64) -> Self {
        let (earlier, later) = latencies.split_at(latencies.len() / 2);
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (sorted.len() as f64 * 0.99).ceil() as usize;
        Self {
            jobs: latencies.len(),
            mean: mean(latencies),
            p99: sorted
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or(f64::NAN),
            growth: mean(later) / mean(earlier),
            lasted,
            refused: 0,
            retried: 0,
        }
    }

    /// Whether queues grew without bound. The ratios then depend on the length of the run.
    pub fn diverges(&self) -> bool {
        self.growth > GROWTH_LIMIT || self.p99 > self.lasted * P99_LIMIT
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_nine_of_a_hundred_took_no_longer_than_p99() {
        let latencies: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let outcome = Outcome::of(&latencies, 1e6);
        assert_eq!((outcome.jobs, outcome.mean, outcome.p99), (100, 50.5, 99.0));
    }

    #[test]
    fn queues_that_grow_diverge() {
        let growing: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(Outcome::of(&growing, 1e6).diverges());
        assert!(Outcome::of(&[30.0; 1000], 100.0).diverges());
        assert!(!Outcome::of(&[3.0; 1000], 100.0).diverges());
    }
}
