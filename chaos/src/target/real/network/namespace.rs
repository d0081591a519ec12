//! Network namespaces, by `ip netns`.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Namespaces or their interfaces cannot be had on this machine.
#[derive(Debug, thiserror::Error)]
#[error("network namespaces cannot be had: {0}")]
pub struct NoNamespace(String);

impl NoNamespace {
    pub(super) fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// A namespace with a loopback interface. Deleted when it is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one.
    ///
    /// # Errors
    /// When this machine has none, or not for us.
    pub fn create(name: String) -> Result<Self, NoNamespace> {
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// The first words of a command that runs in it.
    #[must_use]
    pub fn wrapper(&self) -> Vec<OsString> {
        ["ip", "netns", "exec", &self.name]
            .map(OsString::from)
            .into()
    }

    /// Moves the calling thread into it, for good.
    ///
    /// # Errors
    /// When it may not.
    pub fn enter(name: &str) -> io::Result<()> {
        let file = File::open(format!("/run/netns/{name}"))?;
        let network = Some(LinkNameSpaceType::Network);
        Ok(move_into_link_name_space(file.as_fd(), network)?)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs something in a thread of its own, in this namespace.
    ///
    /// # Errors
    /// When the thread cannot enter it.
    pub fn within<T: Send>(&self, run: impl FnOnce() -> T + Send) -> Result<T, NoNamespace> {
        let ran = std::thread::scope(|scope| {
            let entered = || Self::enter(&self.name).map(|()| run());
            scope.spawn(entered).join()
        });
        ran.map_err(|_| NoNamespace::new("its thread panicked"))?
            .map_err(NoNamespace::new)
    }

    /// Deletes the namespaces whose name is of this kind.
    pub fn delete_all(is_ours: impl Fn(&str) -> bool) {
        let Ok(listed) = Command::new("ip").args(["netns", "list"]).output() else {
            return;
        };
        let listed = String::from_utf8_lossy(&listed.stdout);
        let names = listed.lines().filter_map(|line| line.split(' ').next());
        for name in names.filter(|name| is_ours(name)) {
            drop(ip(&["netns", "del", name]));
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What cannot be deleted now is swept at the next start.
        drop(ip(&["netns", "del", &self.name]));
    }
}

fn ip(words: &[&str]) -> Result<(), NoNamespace> {
    let ran = Command::new("ip").args(words).output();
    let ran = ran.map_err(|why| NoNamespace(format!("`ip`: {why}")))?;
    if ran.status.success() {
        Ok(())
    } else {
        let why = String::from_utf8_lossy(&ran.stderr);
        Err(NoNamespace(format!(
            "`ip {}`: {}",
            words.join(" "),
            why.trim()
        )))
    }
}
