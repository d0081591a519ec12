//! CPU quotas by control group, one group a node, under v1 or v2: see the kernel's `sched-bwc` and `cgroup-v2`.
//!
//! A node's group has the quota. Inside it are two: one for the node itself, one for a neighbour that the node does
//! not see and that takes its part of the same quota.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;

/// The quota is given out anew this often. Longer periods would shift a quarter-core job by as much.
pub const PERIOD_US: u64 = 20_000;
/// Where groups are, mostly.
const ROOT: &str = "/sys/fs/cgroup";
/// Of the time of a group's two parts when both are busy. Parts in a hundred.
pub const NEIGHBOURS_PART: u64 = 70;
/// Times the weight that other processes of the machine have.
const BEFORE_OTHERS: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A folder of groups of this benchmark's own. Removed when dropped, when nothing runs in it any more.
#[derive(Debug)]
pub struct Groups {
    version: Version,
    root: PathBuf,
    made: Vec<PathBuf>,
}

/// The group of one node.
#[derive(Debug, Clone)]
pub struct Group {
    version: Version,
    folder: PathBuf,
}

impl Groups {
    /// # Errors
    /// When this machine lets nobody here make groups with quotas: the text says why.
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
        // Tried once, so that a machine without quotas is known before anything is started.
        let tried = groups.group("try")?;
        tried.set_quota(Some(500))?;
        Ok(groups)
    }

    /// A group without a quota yet.
    ///
    /// # Errors
    /// When it cannot be made.
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
        // Before whoever has no quota: those are meant to have the rest.
        group.weigh("", 100 * BEFORE_OTHERS)?;
        group.weigh("node", 100 - NEIGHBOURS_PART)?;
        group.weigh("neighbour", NEIGHBOURS_PART)?;
        Ok(group)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // A group with somebody in it stays; nothing else is lost.
            drop(fs::remove_dir(folder));
        }
    }
}

impl Group {
    /// What the node may use, in millicores; nothing: all there is.
    ///
    /// # Errors
    /// When the kernel does not take it.
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

    /// What a process is put in front of its command line with, so that it begins its life in the node's part.
    #[must_use]
    pub fn enter_as_node(&self) -> Vec<std::ffi::OsString> {
        let enter = "echo $$ > \"$0\" && exec \"$@\"";
        let procs = self.folder.join("node/cgroup.procs");
        vec!["sh".into(), "-c".into(), enter.into(), procs.into()]
    }

    /// The file that takes the neighbour's process id.
    #[must_use]
    pub fn neighbour_procs(&self) -> PathBuf {
        self.folder.join("neighbour/cgroup.procs")
    }

    fn weigh(&self, part: &str, weight: u64) -> anyhow::Result<()> {
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
