//! The oracle: knows the cost of every job, and places each at its arrival where it truly ends
//! first.
//!
//! Its workers have the same quotas. Each runs one job after another, and may use its quota anew in
//! each period, less the CPU time of its node as measured in the compared run. A neighbour uses its
//! part of the quota during its busy times, which the oracle knows. There are no transfers and no
//! waiting for messages.

use super::cgroup::{NEIGHBOUR_PERCENT, PERIOD_US};

/// Times are whole nanoseconds inside, since rounding could put a period's end before its
/// beginning.
const SECOND: f64 = 1e9;
const PERIOD: u64 = PERIOD_US * 1_000;
/// A worker whose node uses all of its quota still gets this part of a core.
const MIN_CORES: f64 = 0.005;

/// One worker, as it was in a run.
#[derive(Debug, Clone)]
pub struct Server {
    /// Cores left for jobs.
    pub cores: f64,
    /// Busy times of a neighbour: from and until, in seconds.
    pub neighbour: Vec<(f64, f64)>,
}

/// A completed job.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// Arrival since the run's beginning, in seconds.
    pub arrives: f64,
    /// CPU time in seconds.
    pub cpu: f64,
}

/// Progress of a worker, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    free_at: u64,
    /// Beginning of the period that `used` counts for.
    period: u64,
    /// Used part of the period's quota.
    used: u64,
}

/// Latency of each job in seconds. `jobs` are in the order of their arrivals.
#[must_use]
pub fn latencies(servers: &[Server], jobs: &[Job]) -> Vec<f64> {
    let mut progresses = vec![Progress::default(); servers.len()];
    jobs.iter()
        .map(|job| {
            let ends = servers
                .iter()
                .zip(&progresses)
                .map(|(server, progress)| server.after(*progress, job));
            let best = ends
                .enumerate()
                .min_by_key(|(_, progress)| progress.free_at);
            match best {
                Some((at, progress)) => {
                    progresses[at] = progress;
                    progress.free_at as f64 / SECOND - job.arrives
                }
                None => f64::INFINITY,
            }
        })
        .collect()
}

impl Server {
    /// Progress after this job.
    fn after(&self, mut progress: Progress, job: &Job) -> Progress {
        let quota = (self.cores.max(MIN_CORES) * PERIOD as f64) as u64;
        let mut now = progress.free_at.max((job.arrives * SECOND) as u64);
        let mut left = (job.cpu * SECOND) as u64;
        loop {
            let period = now - now % PERIOD;
            if period != progress.period {
                (progress.period, progress.used) = (period, 0);
            }
            let end = period + PERIOD;
            // The neighbour's CPU time counts against the same quota.
            let available = (quota.saturating_sub(progress.used)).min(end - now);
            let share = self.percent_at(now);
            let needs = (left * 100).div_ceil(share);
            if needs <= available {
                progress.used += needs;
                progress.free_at = now + needs;
                return progress;
            }
            left -= available * share / 100;
            progress.used += available;
            now = end;
        }
    }

    /// Share of the quota that the neighbour leaves, in percent.
    fn percent_at(&self, at: u64) -> u64 {
        let at = at as f64 / SECOND;
        let busy = self
            .neighbour
            .iter()
            .any(|(from, until)| (*from..*until).contains(&at));
        if busy { 100 - NEIGHBOUR_PERCENT } else { 100 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(cores: f64) -> Server {
        Server {
            cores,
            neighbour: Vec::new(),
        }
    }

    fn job(arrives: f64, cpu: f64) -> Job {
        Job { arrives, cpu }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-7
    }

    #[test]
    fn a_job_gets_its_quota_in_each_period() {
        // 6 ms in each 20: 6, 6, and 3 at the beginning of the third.
        let took = latencies(&[server(0.3)], &[job(0.0, 0.015)]);
        assert!(close(took[0], 0.043), "{took:?}");
        // A job shorter than its quota runs at full speed.
        let took = latencies(&[server(0.3)], &[job(0.101, 0.005)]);
        assert!(close(took[0], 0.005), "{took:?}");
    }

    #[test]
    fn a_busy_worker_gets_every_period_of_its_quota() {
        for begin in [0.0, 0.003, 1.0, 17.777] {
            let took = latencies(&[server(0.25)], &[job(begin, 60.0)]);
            // Within one period at either end.
            assert!((took[0] - 240.0).abs() < 0.04, "{begin}: {took:?}");
        }
    }

    #[test]
    fn jobs_of_one_worker_wait_for_each_other_and_share_a_period() {
        let took = latencies(&[server(0.5)], &[job(0.0, 0.008), job(0.0, 0.004)]);
        assert!(close(took[0], 0.008), "{took:?}");
        // 2 ms of the first period are left; 2 more come with the next.
        assert!(close(took[1], 0.022), "{took:?}");
    }

    #[test]
    fn each_job_goes_where_it_ends_first() {
        let took = latencies(
            &[server(1.0), server(0.1)],
            &[job(0.0, 0.1), job(0.0, 0.001), job(0.0, 0.002)],
        );
        assert!(close(took[0], 0.1), "the large one to the fast: {took:?}");
        assert!(close(took[1], 0.001) && took[2] < 0.03, "{took:?}");
    }

    #[test]
    fn a_neighbour_uses_its_part_while_it_is_busy() {
        let shared = Server {
            cores: 1.0,
            neighbour: vec![(0.0, 5.0)],
        };
        let took = latencies(&[shared], &[job(1.0, 0.03), job(6.0, 0.03)]);
        assert!(close(took[0], 0.1), "{took:?}");
        assert!(close(took[1], 0.03), "{took:?}");
    }
}
