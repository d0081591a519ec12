//! The CPU quota of this process's control group: the minimum over the group and its ancestors.
//!
//! A machine may have some controllers under cgroup v1 and others under v2, so the version is that
//! of the `cpu` controller.
//! Sources: cgroups(7), proc(5), and the kernel's `admin-guide/cgroup-v1`, `cgroup-v2`,
//! `sched-bwc`.

use std::path::{Path, PathBuf};

/// Most levels of nesting that are read.
const MAX_DEPTH: usize = 64;

/// Reads a small text file; None when it does not exist.
pub(super) trait Files {
    fn read(&self, path: &Path) -> Option<String>;
}

/// The files of this machine.
#[derive(Debug)]
pub(super) struct RealFiles;

impl Files for RealFiles {
    fn read(&self, path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }
}

/// The quota in millicores; None when the process has no limit of this kind.
pub(super) fn quota_millicores(files: &impl Files) -> Option<u32> {
    let groups = files.read(Path::new("/proc/self/cgroup"))?;
    let mounts = files.read(Path::new("/proc/self/mountinfo"))?;
    let (version, group) = find_group(&groups)?;
    let mount = find_mount(&mounts, version)?;
    ancestors(&mount, &group)
        .into_iter()
        .filter_map(|folder| match version {
            Version::One => limit_v1(files, &folder),
            Version::Two => limit_v2(files, &folder),
        })
        .min()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The part of the hierarchy that is mounted.
    root: PathBuf,
    point: PathBuf,
}

/// Lines are `id:controllers:path`; that of v2 is `0::path`. A v1 line that names `cpu` takes
/// precedence.
fn find_group(groups: &str) -> Option<(Version, PathBuf)> {
    let lines = || {
        groups.lines().filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
    };
    let v1 = lines().find(|(_, controllers, _)| controllers.split(',').any(|name| name == "cpu"));
    let v2 = lines().find(|(id, controllers, _)| *id == "0" && controllers.is_empty());
    v1.map(|(_, _, path)| (Version::One, PathBuf::from(path)))
        .or_else(|| v2.map(|(_, _, path)| (Version::Two, PathBuf::from(path))))
}

/// Lines are `id parent major:minor root point options... - type source super-options`.
fn find_mount(mounts: &str, version: Version) -> Option<Mount> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let matches = match version {
            Version::One => kind == "cgroup" && options.split(',').any(|name| name == "cpu"),
            Version::Two => kind == "cgroup2",
        };
        let mut left = left.split(' ').skip(3);
        matches.then_some(Mount {
            root: unescape(left.next()?),
            point: unescape(left.next()?),
        })
    })
}

/// Undoes the escaping of blanks and the like, which are a backslash and three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok())
        {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&part[3..]);
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    PathBuf::from(text)
}

/// The folder of the group and of each ancestor that is mounted.
fn ancestors(mount: &Mount, group: &Path) -> Vec<PathBuf> {
    // Inside a container the path can lie outside the mount: then the mount is the group.
    let below = group
        .strip_prefix(&mount.root)
        .ok()
        .filter(|path| !path.components().any(|part| part.as_os_str() == ".."))
        .unwrap_or(Path::new(""));
    below
        .ancestors()
        .take(MAX_DEPTH)
        .map(|path| mount.point.join(path))
        .collect()
}

/// `cpu.cfs_quota_us` (-1: none) in each `cpu.cfs_period_us`.
fn limit_v1(files: &impl Files, folder: &Path) -> Option<u32> {
    let quota = files.read(&folder.join("cpu.cfs_quota_us"))?;
    let period = files.read(&folder.join("cpu.cfs_period_us"))?;
    millicores(quota.trim(), period.trim())
}

/// `cpu.max`: quota (`max`: none) and period.
fn limit_v2(files: &impl Files, folder: &Path) -> Option<u32> {
    let text = files.read(&folder.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    millicores(quota, period)
}

fn millicores(quota: &str, period: &str) -> Option<u32> {
    let quota: u64 = quota.parse().ok()?;
    let period: u64 = period.parse().ok().filter(|period| *period > 0)?;
    u32::try_from(quota.checked_mul(1000)? / period).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashMap;

    struct Fixture(HashMap<&'static str, &'static str>);

    impl Files for Fixture {
        fn read(&self, path: &Path) -> Option<String> {
            self.0
                .get(path.to_str().unwrap())
                .map(|text| (*text).to_owned())
        }
    }

    fn quota(files: &[(&'static str, &'static str)]) -> Option<u32> {
        quota_millicores(&Fixture(files.iter().copied().collect()))
    }

    const V2_MOUNT: &str =
        "24 18 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn v2_takes_the_minimum_of_the_ancestors() {
        let found = quota(&[
            ("/proc/self/cgroup", "0::/system.slice/cameo.service\n"),
            ("/proc/self/mountinfo", V2_MOUNT),
            (
                "/sys/fs/cgroup/system.slice/cameo.service/cpu.max",
                "max 100000\n",
            ),
            ("/sys/fs/cgroup/system.slice/cpu.max", "60000 100000\n"),
        ]);
        assert_eq!(found, Some(600));
    }

    #[test]
    fn v2_keeps_fractions_of_a_core() {
        let found = quota(&[
            ("/proc/self/cgroup", "0::/\n"),
            ("/proc/self/mountinfo", V2_MOUNT),
            ("/sys/fs/cgroup/cpu.max", "50000 20000\n"),
        ]);
        assert_eq!(found, Some(2500));
    }

    #[test]
    fn v1_is_read_where_it_has_cpu_and_unified_is_ignored() {
        let found = quota(&[
            (
                "/proc/self/cgroup",
                "8:pids:/\n3:cpuset:/other\n1:cpu,cpuacct:/workers/w3\n0::/\n",
            ),
            ("/proc/self/mountinfo", V1_MOUNTS),
            (
                "/sys/fs/cgroup/cpu,cpuacct/workers/w3/cpu.cfs_quota_us",
                "3000\n",
            ),
            (
                "/sys/fs/cgroup/cpu,cpuacct/workers/w3/cpu.cfs_period_us",
                "20000\n",
            ),
            (
                "/sys/fs/cgroup/cpu,cpuacct/workers/cpu.cfs_quota_us",
                "-1\n",
            ),
            (
                "/sys/fs/cgroup/cpu,cpuacct/workers/cpu.cfs_period_us",
                "100000\n",
            ),
            ("/sys/fs/cgroup/unified/cpu.max", "1 100000\n"),
        ]);
        assert_eq!(found, Some(150));
    }

    #[test]
    fn a_container_sees_its_group_as_the_mounts_root() {
        let mounts = "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
        let files = |group| {
            quota(&[
                ("/proc/self/cgroup", group),
                ("/proc/self/mountinfo", mounts),
                ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n"),
                ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ])
        };
        assert_eq!(files("1:cpu:/docker/abc\n"), Some(1500));
        assert_eq!(files("1:cpu:/elsewhere\n"), Some(1500));
    }

    #[test]
    fn blanks_in_a_mount_are_unescaped() {
        let found = quota(&[
            ("/proc/self/cgroup", "0::/\n"),
            (
                "/proc/self/mountinfo",
                "1 1 0:1 / /my\\040groups rw - cgroup2 none rw\n",
            ),
            ("/my groups/cpu.max", "10000 100000\n"),
        ]);
        assert_eq!(found, Some(100));
    }

    #[test]
    fn no_limit_and_no_cgroups_are_no_quota() {
        let unlimited = quota(&[
            ("/proc/self/cgroup", "0::/\n"),
            ("/proc/self/mountinfo", V2_MOUNT),
            ("/sys/fs/cgroup/cpu.max", "max 100000\n"),
        ]);
        assert_eq!(unlimited, None);
        assert_eq!(quota(&[]), None);
        let odd = quota(&[
            ("/proc/self/cgroup", "nonsense"),
            ("/proc/self/mountinfo", "x - y"),
        ]);
        assert_eq!(odd, None);
    }

    #[test]
    fn the_quota_of_this_machine_is_readable() {
        if let Some(quota) = quota_millicores(&RealFiles) {
            assert!(quota > 0);
        }
    }
}
