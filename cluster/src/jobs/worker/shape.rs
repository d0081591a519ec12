//! How many jobs a worker runs at once, and on how many threads.

/// Threads that work on one job, where there are as many cores.
const THREADS_A_JOB: u32 = 2;
/// Most jobs that run at one time.
pub const MAX_SLOTS: u32 = 32;

/// How many jobs run at once, each on how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) slots: u32,
    pub(crate) threads: u32,
}

impl Shape {
    /// As many threads as there are whole or begun cores.
    pub(crate) fn of(millicores: u32) -> Self {
        let cores = millicores.div_ceil(1000).max(1);
        let threads = cores.min(THREADS_A_JOB);
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
