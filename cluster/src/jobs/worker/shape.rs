//! Number of jobs that a worker runs at once, and of threads for each.

/// Threads for one job, where there are enough cores.
const THREADS_PER_JOB: u32 = 2;
/// Most jobs that run at one time.
pub const MAX_SLOTS: u32 = 32;

/// Slots, and threads in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) slots: u32,
    pub(crate) threads: u32,
}

impl Shape {
    /// One thread for each whole or partial core.
    pub(crate) fn of(millicores: u32) -> Self {
        let cores = millicores.div_ceil(1000).max(1);
        let threads = cores.min(THREADS_PER_JOB);
        Self {
            slots: cores.div_ceil(threads).min(MAX_SLOTS),
            threads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_as_many_threads_as_cores() {
        let shape = |slots, threads| Shape { slots, threads };
        assert_eq!(Shape::of(0), shape(1, 1));
        assert_eq!(Shape::of(150), shape(1, 1));
        assert_eq!(Shape::of(1000), shape(1, 1));
        assert_eq!(Shape::of(1500), shape(1, 2));
        assert_eq!(Shape::of(4000), shape(2, 2));
        assert_eq!(Shape::of(1_000_000), shape(MAX_SLOTS, 2));
    }
}
