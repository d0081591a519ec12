//! One histogram, with fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The sum is kept in these parts of a unit, as a whole number: nanoseconds, where it is seconds.
const PARTS: f64 = 1e9;

/// Counts of values, by the smallest bound that is not below them.
#[derive(Debug)]
pub struct Histogram {
    /// Ascending. Values above the last one are counted too.
    bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram has counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Each bound, with the number of values up to it.
    pub up_to: Vec<(f64, u64)>,
    pub count: u64,
    pub sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value of at least zero, in the unit of the bounds.
    pub fn record(&self, value: f64) {
        // Sixteen bounds at most: a search for the middle would not be faster.
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        let bucket = bucket.unwrap_or(self.bounds.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let parts = (value * PARTS).round() as u64;
        self.sum.fetch_add(parts, Ordering::Relaxed);
    }

    /// Counts a time, where the bounds are seconds.
    pub fn record_time(&self, took: Duration) {
        self.record(took.as_secs_f64());
    }

    /// Runs `work`, and counts its time if it succeeds.
    pub fn time_success<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let began = std::time::Instant::now();
        let done = work()?;
        self.record_time(began.elapsed());
        Ok(done)
    }

    /// What was counted until now. The count is that of the buckets; a value that is recorded
    /// meanwhile may be in it and not in the sum.
    #[must_use]
    pub fn read(&self) -> Buckets {
        let mut count = 0;
        let mut up_to = Vec::with_capacity(self.bounds.len());
        for (at, bucket) in self.counts.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = self.bounds.get(at) {
                up_to.push((*bound, count));
            }
        }
        Buckets {
            up_to,
            count,
            sum: self.sum.load(Ordering::Relaxed) as f64 / PARTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[f64] = &[0.001, 0.01, 1.0];

    #[test]
    fn a_value_at_a_bound_is_in_its_bucket_and_one_above_all_is_in_the_count_alone() {
        let histogram = Histogram::new(BOUNDS);
        for millis in [0, 1, 2, 10, 1_000, 60_000] {
            histogram.record_time(Duration::from_millis(millis));
        }
        let read = histogram.read();
        assert_eq!(read.up_to, [(0.001, 2), (0.01, 4), (1.0, 5)]);
        assert_eq!(read.count, 6);
        assert_eq!(read.sum, 61.013);
    }

    #[test]
    fn values_of_several_threads_are_all_counted() {
        let histogram = Histogram::new(BOUNDS);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| histogram.record(0.5)));
            }
        });
        let read = histogram.read();
        assert_eq!((read.count, read.sum), (4_000, 2_000.0));
    }

    #[test]
    fn only_what_succeeds_is_timed() {
        let histogram = Histogram::new(BOUNDS);
        assert_eq!(histogram.time_success(|| Err::<(), _>("full")), Err("full"));
        assert_eq!(histogram.time_success(|| Ok::<_, ()>(7)), Ok(7));
        assert_eq!(histogram.read().count, 1);
    }
}
