//! The cost model: CPU time of a job, predicted from the size of its input, learned from finished
//! jobs.
//!
//! A first estimate, base plus slope, is corrected by factors that follow the true CPU times: one
//! for all sizes, which is the speed of the machine, and one for each doubling of the size, which
//! corrects the shape of the estimate. Factors are averaged as logarithms, so that twice too much
//! and half too little cancel out.

/// CPU time of the smallest job, before anything is learned. Milliseconds.
const BASE_MS: f64 = 5.0;
/// CPU time for each MiB of input, before anything is learned. Milliseconds.
const MS_PER_MIB: f64 = 80.0;
/// Weight of the newest job in an average. The first eight have equal weights.
const NEWEST: f64 = 1.0 / 8.0;
/// This many jobs of one size class weigh as much as all sizes together.
const TRUST_CLASS_AFTER: f64 = 3.0;
/// Factors are clamped to this and to its inverse: one outlier must not make all later jobs look
/// free or endless.
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
    /// CPU milliseconds of a job with an input of this many bytes; at least 1.
    #[must_use]
    pub fn predict(&self, size: u64) -> u64 {
        let class = &self.classes[class(size)];
        let trust = f64::from(class.jobs) / (f64::from(class.jobs) + TRUST_CLASS_AFTER);
        let log = class.log * trust + self.all.log * (1.0 - trust);
        ((estimate(size) * log.exp()).round() as u64).max(1)
    }

    /// Learns from a finished job.
    pub fn learn(&mut self, size: u64, cpu_ms: u64) {
        let factor = (cpu_ms.max(1) as f64) / estimate(size);
        let log = factor.clamp(1.0 / MAX_FACTOR, MAX_FACTOR).ln();
        self.all.learn(log);
        self.classes[class(size)].learn(log);
    }
}

fn estimate(size: u64) -> f64 {
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
            model.learn(300_000, (estimate(300_000) * 3.0) as u64);
        }
        assert!(close(model.predict(20_000_000), before * 3));
    }

    #[test]
    fn another_shape_than_the_estimate_is_learned() {
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
    fn one_outlier_is_forgotten() {
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
