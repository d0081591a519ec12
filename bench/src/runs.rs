//! Times of repeated runs.
//!
//! Machines are noisy, so compared programs run alternately (A B C A B C), and medians are
//! compared.

use std::fmt;
use std::time::Instant;

use super::rounding::round;

/// Milliseconds, in the order of the runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runs(Vec<f64>);

impl Runs {
    /// Runs `work` and records its time.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.push(began.elapsed().as_secs_f64() * 1e3);
        done
    }

    pub fn push(&mut self, milliseconds: f64) {
        self.0.push(milliseconds);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// NaN when there was no run.
    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// NaN of no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

impl FromIterator<f64> for Runs {
    fn from_iter<I: IntoIterator<Item = f64>>(times: I) -> Self {
        Runs(times.into_iter().collect())
    }
}

/// Median and spread.
impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, min, max] = [self.median(), self.min(), self.max()].map(round);
        write!(f, "{median} ms ({min}..{max})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_depend_on_the_order() {
        let median = |times: &[f64]| times.iter().copied().collect::<Runs>().median();
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn each_run_is_recorded() {
        let mut runs = Runs::default();
        let done: Vec<_> = (0..3).map(|n| runs.time(|| n)).collect();
        assert_eq!((done, runs.len()), (vec![0, 1, 2], 3));
        assert!(runs.min() <= runs.median() && runs.median() <= runs.max());
    }
}
