//! Mean and percentiles of times.

/// Times in seconds, sorted.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<f64>);

impl Times {
    #[must_use]
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        Self(times)
    }

    /// NaN where there are no times.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The smallest time that `percent` of all times do not exceed.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (self.0.len() as f64 * percent / 100.0).ceil() as usize;
        self.0
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let times = Times::of((1..=200).rev().map(f64::from).collect());
        assert_eq!(
            (times.percentile(99.0), times.percentile(50.0)),
            (198.0, 100.0)
        );
        assert_eq!((times.percentile(100.0), times.mean()), (200.0, 100.5));
        assert!(Times::default().percentile(99.0).is_nan());
    }
}
