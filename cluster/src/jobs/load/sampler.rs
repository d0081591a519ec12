//! Sampler of the process's CPU use: about five samples a second, on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::time::Instant;

use super::quota::available_millicores;
use crate::jobs::worker::cpu_meter::Granted;

/// Time between two samples.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(200);
/// Time constant of the smoothing: a step counts for 63% after this long.
const SMOOTH_OVER: Duration = Duration::from_millis(500);
/// Time constant of the return to the quota while no jobs run and nothing can be measured.
const RECOVER_OVER: Duration = Duration::from_secs(5);
/// Jobs that ran for less than this between two samples are not measured.
const MIN_RUNNING: Duration = Duration::from_millis(20);
/// Lower bound of the usable share of the quota, so that a starved worker is used, and measured,
/// again.
const MIN_SHARE: f64 = 0.02;

/// CPU limits and CPU use of the process.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub quota_millicores: u32,
    pub usable_millicores: u32,
    /// Use in thousandths of the quota, smoothed.
    pub cpu_share_permille: u16,
    pub taken: Instant,
}

/// Where samples come from.
#[derive(Debug)]
pub enum Sampler {
    /// A thread that samples until this is dropped.
    Thread {
        latest: Arc<Mutex<Sample>>,
        /// Closing this channel stops the thread.
        _stop: mpsc::Sender<()>,
    },
    /// Always the same, and always fresh: the simulator's processors are idle but for its jobs.
    Still { millicores: u32 },
}

impl Sampler {
    /// Starts sampling. `threads` job threads can run at once; `granted` returns what they got.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(
        threads: u32,
        granted: impl Fn() -> Granted + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let mut smooth = Smooth::new(threads, available_millicores(), granted(), Instant::now());
        let latest = Arc::new(Mutex::new(smooth.sample()));
        let (stop, stopped) = mpsc::channel::<()>();
        let shared = Arc::clone(&latest);
        std::thread::Builder::new()
            .name("cameo-load".to_owned())
            .spawn(move || {
                let mut process = ProcessCpu::new();
                smooth.cpu = process.read();
                while stopped.recv_timeout(SAMPLE_EVERY) == Err(RecvTimeoutError::Timeout) {
                    smooth.step(
                        available_millicores(),
                        process.read(),
                        granted(),
                        Instant::now(),
                    );
                    *shared.lock() = smooth.sample();
                }
            })?;
        Ok(Self::Thread {
            latest,
            _stop: stop,
        })
    }

    /// The latest sample.
    #[must_use]
    pub fn latest(&self) -> Sample {
        match self {
            Self::Thread { latest, .. } => *latest.lock(),
            Self::Still { millicores } => Sample {
                quota_millicores: *millicores,
                usable_millicores: *millicores,
                cpu_share_permille: 0,
                taken: Instant::now(),
            },
        }
    }
}

/// CPU time of this process, all threads, from `sysinfo`.
struct ProcessCpu {
    /// None where the system does not list processes.
    of: Option<(System, Pid)>,
}

impl ProcessCpu {
    fn new() -> Self {
        Self {
            of: System::new().ok().zip(sysinfo::get_current_pid().ok()),
        }
    }

    fn read(&mut self) -> Option<Duration> {
        let (system, pid) = self.of.as_mut()?;
        let kind = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*pid]), false, kind);
        let process = system.process(*pid)?;
        Some(Duration::from_millis(process.accumulated_cpu_time()))
    }
}

/// Exponential smoothing of the readings. No input or output.
struct Smooth {
    threads: u32,
    quota_millicores: u32,
    /// Share of the quota in use, 0 to 1.
    share: f64,
    usable_millicores: f64,
    cpu: Option<Duration>,
    granted: Granted,
    taken: Instant,
}

impl Smooth {
    fn new(threads: u32, quota_millicores: u32, granted: Granted, now: Instant) -> Self {
        Self {
            threads,
            quota_millicores,
            share: 0.0,
            usable_millicores: f64::from(quota_millicores),
            cpu: None,
            granted,
            taken: now,
        }
    }

    fn step(
        &mut self,
        quota_millicores: u32,
        cpu: Option<Duration>,
        granted: Granted,
        now: Instant,
    ) {
        let passed = now.saturating_duration_since(self.taken);
        if passed.is_zero() {
            return;
        }
        let quota = f64::from(quota_millicores);
        if let (Some(cpu), Some(before)) = (cpu, self.cpu) {
            let used = cpu.saturating_sub(before).as_secs_f64() / passed.as_secs_f64();
            let share = (used * 1000.0 / quota).min(1.0);
            self.share += (share - self.share) * weight(passed, SMOOTH_OVER);
        }
        let got = granted
            .share_since(&self.granted, MIN_RUNNING)
            .map(|share| share * f64::from(self.threads) * 1000.0);
        let (towards, over) = match got {
            Some(got) => (got, SMOOTH_OVER),
            None => (quota, RECOVER_OVER),
        };
        let usable = self.usable_millicores;
        self.usable_millicores =
            (usable + (towards - usable) * weight(passed, over)).clamp(quota * MIN_SHARE, quota);
        self.quota_millicores = quota_millicores;
        self.cpu = cpu;
        self.granted = granted;
        self.taken = now;
    }

    fn sample(&self) -> Sample {
        Sample {
            quota_millicores: self.quota_millicores,
            usable_millicores: (self.usable_millicores.round() as u32).max(1),
            cpu_share_permille: (self.share * 1000.0).round() as u16,
            taken: self.taken,
        }
    }
}

/// Weight of a new reading after `passed`, with the time constant `over`.
fn weight(passed: Duration, over: Duration) -> f64 {
    1.0 - (-passed.as_secs_f64() / over.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The sample after ten seconds, with this CPU time used and granted to jobs in each 200 ms.
    fn sampled(quota: u32, used_ms: u64, granted_ms: u64, running_ms: u64) -> Sample {
        let start = Instant::now();
        let mut smooth = Smooth::new(2, quota, Granted::default(), start);
        smooth.cpu = Some(Duration::ZERO);
        for n in 1..=50u32 {
            let granted = Granted {
                cpu: Duration::from_millis(granted_ms) * n,
                running: Duration::from_millis(running_ms) * n,
            };
            let cpu = Some(Duration::from_millis(used_ms) * n);
            smooth.step(quota, cpu, granted, start + SAMPLE_EVERY * n);
        }
        smooth.sample()
    }

    #[test]
    fn the_share_is_of_the_quota_and_not_of_the_machine() {
        assert_eq!(sampled(600, 60, 0, 0).cpu_share_permille, 500);
        assert_eq!(sampled(600, 400, 0, 0).cpu_share_permille, 1000);
    }

    #[test]
    fn usable_is_what_jobs_got_and_at_most_the_quota() {
        assert_eq!(sampled(2000, 200, 60, 200).usable_millicores, 600);
        assert_eq!(sampled(600, 200, 200, 200).usable_millicores, 600);
        assert_eq!(sampled(2000, 0, 0, 200).usable_millicores, 40);
    }

    #[test]
    fn without_jobs_usable_returns_to_the_quota() {
        let start = Instant::now();
        let mut smooth = Smooth::new(1, 1000, Granted::default(), start);
        smooth.usable_millicores = 300.0;
        let mut last = 300;
        for n in 1..=200u32 {
            smooth.step(1000, None, Granted::default(), start + SAMPLE_EVERY * n);
            assert!(smooth.sample().usable_millicores >= last);
            last = smooth.sample().usable_millicores;
        }
        assert!(last >= 990);
    }

    #[test]
    fn a_started_sampler_takes_samples() {
        let sampler = Sampler::start(1, Granted::default).unwrap();
        let first = sampler.latest().taken;
        let deadline = Instant::now() + Duration::from_secs(20);
        while sampler.latest().taken == first {
            assert!(Instant::now() < deadline, "no new sample came");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(sampler.latest().quota_millicores >= 1);
    }
}
