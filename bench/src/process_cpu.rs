//! CPU time as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Ticks per second in `/proc`, the same on every common Linux.
const TICKS: f64 = 100.0;

/// CPU time that a running process has used since its start.
///
/// # Errors
/// When it does not run, or the system tells no such time.
pub fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    of_process(&stat).with_context(|| format!("CPU time in {path}"))
}

/// The same with its children that have ended, and were waited for.
///
/// # Errors
/// When it does not run, or the system tells no such time.
pub fn cpu_of_family(process: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    of_fields(&stat, 4).with_context(|| format!("CPU time in {path}"))
}

/// Time that all cores have been busy, or taken by other machines of the host, since the start of
/// the system.
///
/// # Errors
/// When the system does not tell.
pub fn cpu_of_machine() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    of_machine(&stat).context("CPU time in /proc/stat")
}

/// User and system time.
fn of_process(stat: &str) -> Option<Duration> {
    of_fields(stat, 2)
}

/// So many of the 14th to 17th field of `/proc/PID/stat`: user and system time, and those of
/// children that have ended. The name in parentheses may contain spaces.
fn of_fields(stat: &str, count: usize) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = 0.0;
    for _ in 0..count {
        ticks += fields.next()?.parse::<f64>().ok()?;
    }
    Some(Duration::from_secs_f64(ticks / TICKS))
}

/// `cpu user nice system idle iowait irq softirq steal …`: all but idle and iowait.
fn of_machine(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Option<Vec<f64>> = fields
        .split_whitespace()
        .take(8)
        .map(|ticks| ticks.parse().ok())
        .collect();
    let busy = ticks?;
    let busy = busy.iter().sum::<f64>() - busy.get(3)? - busy.get(4)?;
    Some(Duration::from_secs_f64(busy / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_spaces_and_parentheses_shifts_no_field() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(of_process(stat), Some(Duration::from_secs(3)));
        let with_children = "7 (sh) S 1 2 3 4 5 6 7 8 9 10 250 50 300 100";
        assert_eq!(of_fields(with_children, 4), Some(Duration::from_secs(7)));
        assert_eq!(of_process("7 (cameod) S 1 7"), None);
        assert_eq!(of_process(&stat.replace("250", "x")), None);
    }

    #[test]
    fn idle_time_is_not_busy_and_stolen_time_is() {
        let stat = "cpu  100 0 50 9000 800 0 0 50 3 0\ncpu0 1 2";
        assert_eq!(of_machine(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn this_process_and_the_machine_have_used_some() {
        let [own, all] = [cpu_of(std::process::id()), cpu_of_machine()].map(Result::ok);
        assert!(own <= all && all > Some(Duration::ZERO));
    }
}
