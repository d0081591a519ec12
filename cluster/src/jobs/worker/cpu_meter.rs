//! CPU meter: CPU time that job threads get, against the time that they have been running.
//!
//! A job's first thread is busy from beginning to end. Its CPU time divided by the elapsed time is
//! therefore the share of a core that quotas and other processes leave to each job thread.

use std::path::PathBuf;

use parking_lot::Mutex;

use std::time::{Duration, Instant};

/// A thread by its kernel id. None where the kernel offers no such measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadId(Option<u32>);

impl ThreadId {
    /// The calling thread.
    pub(crate) fn here() -> Self {
        let link = std::fs::read_link("/proc/thread-self").ok();
        let name = link.and_then(|path| path.file_name()?.to_str()?.parse().ok());
        Self(name)
    }

    /// CPU time since the thread's start: the first field of `schedstat`, in nanoseconds. Source:
    /// the kernel's `scheduler/sched-stats`.
    pub(crate) fn cpu(self) -> Option<Duration> {
        let path: PathBuf = ["/proc/self/task", &self.0?.to_string(), "schedstat"]
            .iter()
            .collect();
        let text = std::fs::read_to_string(path).ok()?;
        let nanos: u64 = text.split(' ').next()?.parse().ok()?;
        // A kernel that does not count returns 0; a thread that got here has used some time.
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }
}

/// CPU time that jobs got, and for how long they ran. Both only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Granted {
    pub cpu: Duration,
    pub running: Duration,
}

impl Granted {
    /// The share of a core that each job thread got since an earlier reading, 0 to 1. None when
    /// jobs ran for less than `least`, which is too short to measure.
    #[must_use]
    pub fn share_since(&self, earlier: &Self, least: Duration) -> Option<f64> {
        let running = self.running.saturating_sub(earlier.running);
        let cpu = self.cpu.saturating_sub(earlier.cpu);
        (running >= least).then(|| (cpu.as_secs_f64() / running.as_secs_f64()).min(1.0))
    }
}

/// Sums up the CPU time of the jobs of all slots.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    slots: Vec<Mutex<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    done: Granted,
    running: Option<(ThreadId, Duration, Instant)>,
}

impl CpuMeter {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| Mutex::default()).collect(),
        }
    }

    /// Begins measuring a job on the calling thread.
    pub(crate) fn begin(&self, slot: usize) {
        let thread = ThreadId::here();
        // Not measurable: the job then counts for nothing, instead of as idle.
        self.slots[slot].lock().running = thread.cpu().map(|cpu| (thread, cpu, Instant::now()));
    }

    /// Ends measuring the job of this slot.
    pub(crate) fn end(&self, slot: usize) {
        let mut slot = self.slots[slot].lock();
        slot.done = slot.now();
        slot.running = None;
    }

    /// Totals of all jobs so far, including running ones.
    pub(crate) fn granted(&self) -> Granted {
        self.slots
            .iter()
            .map(|slot| slot.lock().now())
            .fold(Granted::default(), |sum, slot| Granted {
                cpu: sum.cpu + slot.cpu,
                running: sum.running + slot.running,
            })
    }
}

impl Slot {
    fn now(&self) -> Granted {
        let more = self.running.and_then(|(thread, cpu, since)| {
            Some((thread.cpu()?.saturating_sub(cpu), since.elapsed()))
        });
        let (cpu, running) = more.unwrap_or_default();
        Granted {
            cpu: self.done.cpu + cpu,
            running: self.done.running + running,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_busy_thread_uses_cpu_and_the_meter_sees_it() {
        let Some(start) = ThreadId::here().cpu() else {
            return; // no such figures on this machine
        };
        let meter = CpuMeter::new(1);
        let before = meter.granted();
        meter.begin(0);
        let deadline = Instant::now() + Duration::from_secs(20);
        while ThreadId::here().cpu().unwrap() < start + Duration::from_millis(20) {
            assert!(Instant::now() < deadline, "no CPU time is counted");
        }
        let while_running = meter.granted();
        assert!(while_running.cpu > before.cpu);
        meter.end(0);
        let after = meter.granted();
        assert!(after.cpu >= while_running.cpu && after.running >= after.cpu / 2);
        let share = after
            .share_since(&before, Duration::from_millis(1))
            .unwrap();
        assert!(share > 0.0 && share <= 1.0);
    }

    #[test]
    fn too_short_a_time_is_not_measured() {
        let granted = |ms| Granted {
            cpu: Duration::from_millis(ms / 2),
            running: Duration::from_millis(ms),
        };
        let least = Duration::from_millis(20);
        assert_eq!(granted(119).share_since(&granted(100), least), None);
        let share = granted(140).share_since(&granted(100), least);
        assert!(share.is_some_and(|share| (share - 0.5).abs() < 1e-9));
    }
}
