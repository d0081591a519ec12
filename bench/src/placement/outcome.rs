//! What came of one simulated run.

/// Jobs of the later half take so much longer than those of the earlier half: the queues grew without end.
const GROWTH: f64 = 1.5;
/// A hundredth of the jobs take so much of the run's time. Desks stop at some thousand open jobs a worker, so that even
/// a queue that would grow without end stops to.
const OF_THE_RUN: f64 = 0.2;

/// Latencies are from the first input for a worker to the end of the job. Seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub jobs: usize,
    pub mean: f64,
    pub p99: f64,
    /// Mean of the later half / mean of the earlier half.
    pub growth: f64,
    /// For how long jobs arrived. Seconds.
    pub lasted: f64,
    /// Times that a job was told to come again later.
    pub refused: usize,
    /// Times that a job was placed again, because its worker was gone.
    pub retried: usize,
}

impl Outcome {
    /// `latencies` in the order of arrival; at least one.
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

    /// Whether its ratios are those of a finite run, and may be larger after a longer one.
    pub fn diverges(&self) -> bool {
        self.growth > GROWTH || self.p99 > self.lasted * OF_THE_RUN
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
