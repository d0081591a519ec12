//! The mark of a run on everything it makes, by which leftovers are found.

use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::network::Namespace;
use super::stat::Stat;

/// The variable in the environment of every process of a run.
pub const VARIABLE: &str = "CAMEO_CHAOS_OWNER";
/// Begins the names of namespaces, and the names of mounts.
const PREFIX: &str = "cameo-chaos";

/// A process that runs faults: its id, and when it started, so that a later process with the same
/// id is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    id: u32,
    started: u64,
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn this() -> Self {
        let id = std::process::id();
        let started = Stat::of(id).map_or(0, |stat| stat.started);
        Self { id, started }
    }

    /// Its value of [`VARIABLE`].
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}-{}", self.id, self.started)
    }

    /// The name of something that it makes.
    #[must_use]
    pub fn name(&self, what: impl std::fmt::Display) -> String {
        format!("{PREFIX}-{}-{what}", self.mark())
    }

    fn of_mark(mark: &str) -> Option<Self> {
        let (id, started) = mark.split_once('-')?;
        Some(Self {
            id: id.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// Whose name this is, if it is one of ours.
    fn of_name(name: &str) -> Option<Self> {
        let mark = name.strip_prefix(PREFIX)?.strip_prefix('-')?;
        let (mark, _) = mark.rsplit_once('-')?;
        Self::of_mark(mark)
    }

    fn is_alive(&self) -> bool {
        Stat::of(self.id).is_some_and(|stat| stat.started == self.started)
    }
}

/// What was left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub processes: usize,
    pub mounts: usize,
}

/// Ends and removes what runs have left that are no more: processes, mounts, namespaces. Nothing
/// without the mark of such a run is touched.
#[must_use]
pub fn sweep() -> Swept {
    let swept = Swept {
        processes: sweep_processes(),
        mounts: sweep_mounts(),
    };
    Namespace::delete_all(is_left);
    swept
}

fn is_left(name: &str) -> bool {
    Owner::of_name(name).is_some_and(|owner| !owner.is_alive())
}

fn sweep_processes() -> usize {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return 0;
    };
    let left = processes.flatten().filter_map(|entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        // Other users' processes cannot be read, and are not ours.
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        let owner = owner_in(&environment)?;
        (!owner.is_alive()).then(|| Pid::from_raw(id)).flatten()
    });
    left.filter(|id| kill_process(*id, Signal::KILL).is_ok())
        .count()
}

fn owner_in(environment: &[u8]) -> Option<Owner> {
    let variables = environment.split(|byte| *byte == 0);
    let mut texts = variables.filter_map(|variable| std::str::from_utf8(variable).ok());
    texts.find_map(|text| Owner::of_mark(text.strip_prefix(VARIABLE)?.strip_prefix('=')?))
}

fn sweep_mounts() -> usize {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else {
        return 0;
    };
    let left = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let source = words.next()?;
        is_left(source).then(|| words.next()).flatten()
    });
    left.filter(|at| unmount(Path::new(at))).count()
}

/// Sends SIGKILL to a process of this run, and does not wait for its end.
pub fn kill_now(id: u32) -> bool {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    id.is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
}

/// Takes a mount away at once, also while it is used.
pub fn unmount(at: &Path) -> bool {
    if rustix::mount::unmount(at, rustix::mount::UnmountFlags::DETACH).is_ok() {
        return true;
    }
    // Without rights, mounts were made by this program, and it takes back those of its user.
    let by_program = Command::new("fusermount3")
        .args(["-u", "-q", "-z", "--"])
        .arg(at)
        .output();
    by_program.is_ok_and(|ran| ran.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_this_process_when_its_mark_is_read_then_it_is_alive_and_never_swept() {
        let this = Owner::this();
        assert!(this.is_alive());
        assert_eq!(Owner::of_mark(&this.mark()), Some(this.clone()));
        assert_eq!(Owner::of_name(&this.name(3)), Some(this.clone()));
        assert!(!is_left(&this.name(3)));
        let environment = format!("A=b\0{VARIABLE}={}\0", this.mark());
        assert_eq!(owner_in(environment.as_bytes()), Some(this));
    }

    #[test]
    fn given_a_later_process_with_the_same_id_when_marks_are_compared_then_it_is_another() {
        let mut earlier = Owner::this();
        earlier.started -= 1;
        assert!(!earlier.is_alive());
        assert!(is_left(&earlier.name("x")));
    }

    #[test]
    fn given_names_of_others_when_they_are_met_then_they_are_left_alone() {
        for name in [
            "",
            "cameo",
            "cameo-chaos",
            "cameo-chaos-1",
            "other-1-2-3",
            "cameo-chaos-a-b-c",
        ] {
            assert!(!is_left(name), "{name}");
        }
        assert_eq!(owner_in(b"HOME=/root\0"), None);
    }
}
