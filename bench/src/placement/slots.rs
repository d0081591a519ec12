//! Execution slots of one simulated worker: equal speed, first come, first served.
//!
//! As in a node's pool, a worker of up to two cores runs one job at a time on all of them, and a
//! larger one runs two. Each job uses all threads of its slot, and a slot always has its share of
//! the cores.

/// Cores that one job can use.
const CORES_A_JOB: u32 = 2;
/// Slots of the largest simulated worker.
const MAX_SLOTS: usize = 2;

#[derive(Debug, Clone, Copy)]
pub struct Slots {
    /// When each slot has finished its queue, in nanoseconds.
    free: [u64; MAX_SLOTS],
    count: usize,
    millicores: u32,
}

impl Slots {
    pub fn of(millicores: u32) -> Self {
        let cores = millicores.div_ceil(1000).max(1);
        let slots = cores.div_ceil(cores.min(CORES_A_JOB)) as usize;
        Self {
            free: [0; MAX_SLOTS],
            count: slots.min(MAX_SLOTS),
            millicores,
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn millicores(&self) -> u32 {
        self.millicores
    }

    /// Nanoseconds that a slot needs for this CPU time.
    pub fn time(&self, cpu: u64) -> u64 {
        cpu * 1000 * self.count as u64 / u64::from(self.millicores)
    }

    /// Queues a job that can run from `ready` on. Returns when it begins and ends.
    pub fn enqueue(&mut self, ready: u64, cpu: u64) -> (u64, u64) {
        let time = self.time(cpu);
        let first = usize::from(self.count > 1 && self.free[1] < self.free[0]);
        let begin = self.free[first].max(ready);
        self.free[first] = begin + time;
        (begin, begin + time)
    }

    /// Drops all jobs.
    pub fn clear(&mut self) {
        self.free.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_worker_runs_one_job_at_a_time() {
        let mut slots = Slots::of(500);
        assert_eq!(slots.enqueue(10, 100), (10, 210));
        assert_eq!(slots.enqueue(20, 50), (210, 310));
        assert_eq!(slots.enqueue(900, 50), (900, 1000));
    }

    #[test]
    fn a_large_worker_runs_two_jobs_each_on_half_of_its_cores() {
        let mut slots = Slots::of(4000);
        assert_eq!(slots.enqueue(0, 100), (0, 50));
        assert_eq!(slots.enqueue(0, 200), (0, 100));
        assert_eq!(slots.enqueue(0, 100), (50, 100));
    }

    #[test]
    fn up_to_two_cores_are_one_slot() {
        let slots = |millicores| Slots::of(millicores).count();
        assert_eq!(
            [150, 1000, 1001, 2000, 2001, 4000].map(slots),
            [1, 1, 1, 1, 2, 2]
        );
    }
}
