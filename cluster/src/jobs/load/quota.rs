//! CPU limit of this process: the minimum of cgroup quota, cpuset and affinity.

use std::path::Path;

use super::cgroup::{self, Files, RealFiles};

/// CPU that the process may use, in millicores; at least 1. Reads a few small files.
#[must_use]
pub fn available_millicores() -> u32 {
    available(&RealFiles)
}

fn available(files: &impl Files) -> u32 {
    // `available_parallelism` counts the quota too, but rounds it down to whole cores.
    let cores = files
        .read(Path::new("/proc/self/status"))
        .and_then(|status| allowed_cores(&status))
        .or_else(|| u32::try_from(std::thread::available_parallelism().ok()?.get()).ok())
        .unwrap_or(1);
    let allowed = cores.saturating_mul(1000);
    cgroup::quota_millicores(files)
        .map_or(allowed, |quota| quota.min(allowed))
        .max(1)
}

/// Cores by cpuset and affinity: `Cpus_allowed_list: 0-3,8`, see proc(5).
fn allowed_cores(status: &str) -> Option<u32> {
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim().split(',').try_fold(0u32, |cores, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        cores.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Status(&'static str, Option<&'static str>);

    impl Files for Status {
        fn read(&self, path: &Path) -> Option<String> {
            let text = match path.to_str()? {
                "/proc/self/status" => self.0,
                "/proc/self/cgroup" => "0::/\n",
                "/proc/self/mountinfo" => "1 1 0:1 / /cg rw - cgroup2 none rw\n",
                "/cg/cpu.max" => self.1?,
                _ => return None,
            };
            Some(text.to_owned())
        }
    }

    const NINE: &str = "Name:\tcameod\nCpus_allowed_list:\t0-3,8,10-13\nVmRSS: 1 kB\n";

    #[test]
    fn affinity_is_counted_in_ranges() {
        assert_eq!(available(&Status(NINE, None)), 9000);
    }

    #[test]
    fn the_lower_of_quota_and_affinity_applies() {
        assert_eq!(available(&Status(NINE, Some("250000 100000\n"))), 2500);
        let one = "Cpus_allowed_list:\t5\n";
        assert_eq!(available(&Status(one, Some("250000 100000\n"))), 1000);
    }

    #[test]
    fn this_machine_has_some_cpu_available() {
        assert!(available_millicores() >= 1);
    }
}
