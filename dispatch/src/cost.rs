//! What a job will cost in CPU time, told from the size of its input and learned from finished jobs.
//!
//! A first guess, base plus slope, is corrected by factors that follow what jobs really took: one
//! for all sizes, which tells how fast the machine is, and one for each doubling of the size,
//! which tells where the guess has the wrong shape. Factors are averaged as logarithms, so that
//! twice too much and half too little cancel out.

/// CPU time of the smallest job, before anything is learned. Milliseconds.
const BASE_MS: f64 = 5.0;
/// CPU time for each MiB of input, before anything is learned. Milliseconds.
const MS_PER_MIB: f64 = 80.0;
/// Weight of the newest job in an average; the first few count in full.
const NEWEST: f64 = 1.0 / 8.0;
/// How many jobs of one size class weigh as much as all sizes together.
const TRUST_CLASS_AFTER: f64 = 3.0;
/// No factor is taken for more than this, nor for less than its inverse: one strange job must not
/// make every later one look free or endless.
const MAX_FACTOR: f64 = 64.0;
const CLASSES: usize = 32;
const MIB: f64 = 1024.0 * 1024.0;

/// Predicts CPU milliseconds from input bytes.
#[derive(Debug, Clone, Default)]
pub struct CostModel {
    all: Average,
    classes: [Average; CLASSES],
}

#[derive(Debug, Clone, Copy, Default)]
struct Average {
    jobs: u32,
    log: f64,
}

impl Average {
    fn learn(&mut self, log: f64) {
        self.jobs = self.jobs.saturating_add(1);
        self.log += (log - self.log) * NEWEST.max(1.0 / f64::from(self.jobs));
    }
}

impl CostModel {
    /// CPU milliseconds of a job with an input of so many bytes; at least 1.
    #[must_use]
    pub fn predict(&self, size: u64) -> u64 {
        let class = &self.classes[class(size)];
        let trust = f64::from(class.jobs) / (f64::from(class.jobs) + TRUST_CLASS_AFTER);
        let log = class.log * trust + self.all.log * (1.0 - trust);
        ((guess(size) * log.exp()).round() as u64).max(1)
    }

    /// Takes note of what a finished job took.
    pub fn learn(&mut self, size: u64, cpu_ms: u64) {
        let factor = (cpu_ms.max(1) as f64) / guess(size);
        let log = factor.clamp(1.0 / MAX_FACTOR, MAX_FACTOR).ln();
        self.all.learn(log);
        self.classes[class(size)].learn(log);
    }
}

fn guess(size: u64) -> f64 {
    BASE_MS + MS_PER_MIB * (size as f64 / MIB)
}

/// One class for each doubling of the size.
fn class(size: u64) -> usize {
    (size.max(1).ilog2() as usize).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [u64; 4] = [40_000, 300_000, 2_000_000, 20_000_000];

    fn close(a: u64, b: u64) -> bool {
        a.abs_diff(b) * 10 <= b.max(10)
    }

    #[test]
    fn a_slower_machine_is_learned_from_jobs_of_one_size_for_all_sizes() {
        let mut model = CostModel::default();
        let before = model.predict(20_000_000);
        for _ in 0..40 {
            model.learn(300_000, (guess(300_000) * 3.0) as u64);
        }
        assert!(close(model.predict(20_000_000), before * 3));
    }

    #[test]
    fn another_shape_than_the_guess_is_learned() {
        let truth = |size: u64| 40 + size / 50_000;
        let mut model = CostModel::default();
        for _ in 0..100 {
            for size in SIZES {
                model.learn(size, truth(size));
            }
        }
        for size in SIZES {
            let (told, true_ms) = (model.predict(size), truth(size));
            assert!(
                told * 10 >= true_ms * 8 && told * 10 <= true_ms * 12,
                "{size} bytes: {told} for {true_ms}"
            );
        }
    }

    #[test]
    fn one_strange_job_is_forgotten() {
        let mut model = CostModel::default();
        for _ in 0..20 {
            model.learn(300_000, 30);
        }
        model.learn(300_000, 1_000_000);
        for _ in 0..60 {
            model.learn(300_000, 30);
        }
        assert!(close(model.predict(300_000), 30));
    }

    #[test]
    fn a_larger_job_is_never_free() {
        let mut model = CostModel::default();
        model.learn(0, 0);
        assert!(model.predict(0) >= 1);
        assert!(model.predict(u64::MAX) > model.predict(0));
    }
}
