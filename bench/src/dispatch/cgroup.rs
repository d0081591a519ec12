//! CPU quotas by control group, one group per node, under v1 or v2: see the kernel's `sched-bwc`
//! and `cgroup-v2`.
//!
//! A node's group has the quota and two child groups: one for the node itself, one for a neighbour
//! that the node cannot see and that uses a part of the same quota.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;

/// Period of the quota. Longer periods would shift the end of a job on a quarter core by as much.
pub const PERIOD_US: u64 = 20_000;
/// Usual mount point of control groups.
const ROOT: &str = "/sys/fs/cgroup";
/// Share of the neighbour when both child groups are busy, in percent.
pub const NEIGHBOUR_PERCENT: u64 = 70;
/// Weight relative to other processes of the machine.
const NODE_WEIGHT: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A folder of control groups. On drop, the empty ones are removed.
#[derive(Debug)]
pub struct Groups {
    version: Version,
    root: PathBuf,
    made: Vec<PathBuf>,
}

/// The control group of one node.
#[derive(Debug, Clone)]
pub struct Group {
    version: Version,
    folder: PathBuf,
}

impl Groups {
    /// Creates the folder. Fails, with the reason, where groups with quotas cannot be created.
    pub fn make() -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (process, nth) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let name = format!("cameo-bench-{process}-{nth}");
        let root = Path::new(ROOT);
        let (version, parent) =
            if root.join("cpu/cpu.cfs_quota_us").exists() || root.join("cpu/cpu.shares").exists() {
                (Version::One, root.join("cpu"))
            } else if root.join("cgroup.controllers").exists() {
                (Version::Two, root.to_owned())
            } else {
                anyhow::bail!("no cpu controller under {ROOT}");
            };
        let folder = parent.join(name);
        fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut groups = Self {
            version,
            root: folder.clone(),
            made: vec![folder.clone()],
        };
        if version == Version::Two {
            delegate(&parent)?;
            delegate(&folder)?;
        }
        // Tried once, so that missing quotas are detected before anything is started.
        let tried = groups.group("try")?;
        tried.set_quota(Some(500))?;
        Ok(groups)
    }

    /// Creates a group without a quota.
    pub fn group(&mut self, name: &str) -> anyhow::Result<Group> {
        let folder = self.root.join(name);
        for part in [
            folder.clone(),
            folder.join("node"),
            folder.join("neighbour"),
        ] {
            fs::create_dir(&part).with_context(|| format!("{} cannot be made", part.display()))?;
            self.made.push(part.clone());
            if self.version == Version::Two && part == folder {
                delegate(&folder)?;
            }
        }
        let group = Group {
            version: self.version,
            folder,
        };
        // Higher than processes without a quota, which shall get the rest.
        group.set_weight("", 100 * NODE_WEIGHT)?;
        group.set_weight("node", 100 - NEIGHBOUR_PERCENT)?;
        group.set_weight("neighbour", NEIGHBOUR_PERCENT)?;
        Ok(group)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // A group with processes cannot be removed; nothing else is lost.
            drop(fs::remove_dir(folder));
        }
    }
}

impl Group {
    /// Sets the node's quota in millicores, or removes it.
    pub fn set_quota(&self, millicores: Option<u32>) -> anyhow::Result<()> {
        let quota = millicores.map(|of| u64::from(of) * PERIOD_US / 1000);
        match self.version {
            Version::One => {
                write(&self.folder.join("cpu.cfs_period_us"), PERIOD_US)?;
                match quota {
                    Some(quota) => write(&self.folder.join("cpu.cfs_quota_us"), quota),
                    None => write(&self.folder.join("cpu.cfs_quota_us"), -1),
                }
            }
            Version::Two => {
                let quota = quota.map_or_else(|| "max".to_owned(), |quota| quota.to_string());
                write(&self.folder.join("cpu.max"), format!("{quota} {PERIOD_US}"))
            }
        }
    }

    /// Prefix of a command line that starts the process inside the node's child group.
    #[must_use]
    pub fn command_prefix(&self) -> Vec<std::ffi::OsString> {
        let enter = "echo $$ > \"$0\" && exec \"$@\"";
        let procs = self.folder.join("node/cgroup.procs");
        vec!["sh".into(), "-c".into(), enter.into(), procs.into()]
    }

    /// File that takes the neighbour's process id.
    #[must_use]
    pub fn neighbour_procs(&self) -> PathBuf {
        self.folder.join("neighbour/cgroup.procs")
    }

    fn set_weight(&self, part: &str, weight: u64) -> anyhow::Result<()> {
        let part = self.folder.join(part);
        match self.version {
            Version::One => write(&part.join("cpu.shares"), weight * 1024 / 100),
            Version::Two => write(&part.join("cpu.weight"), weight),
        }
    }
}

fn delegate(folder: &Path) -> anyhow::Result<()> {
    write(&folder.join("cgroup.subtree_control"), "+cpu")
}

fn write(path: &Path, text: impl ToString) -> anyhow::Result<()> {
    fs::write(path, text.to_string())
        .with_context(|| format!("{} cannot be written", path.display()))
}
