//! The boots of nodes that have a disk of their own: a power failure ends one.
//!
//! A node tells by the name of the machine's boot whether the kernel has gone on since it last ran.
//! In a mount namespace of its own it reads that name from a file of ours.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a machine has the name of its present boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// First words of a command in a mount namespace of its own: by right, or as the root of a user
/// namespace, which is nobody else's root.
const MOUNT_NAMESPACES: [&[&str]; 2] = [
    &["unshare", "--mount"],
    &["unshare", "--user", "--map-root-user", "--mount"],
];

/// Makes boots. A command in a network namespace of ours has a mount namespace already.
#[derive(Debug, Clone)]
pub struct Boots {
    mount_namespace: &'static [&'static str],
}

/// Nodes cannot have boots of their own.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a mount namespace cannot be had: {0}")]
pub struct NoBoots(String);

impl Boots {
    /// Finds out once how they can be had, with a file in this folder.
    ///
    /// # Errors
    /// When they cannot.
    pub fn find(folder: &Path) -> Result<Self, NoBoots> {
        let file = boot_file(folder);
        let mut lacks = NoBoots("there is none".to_owned());
        for mount_namespace in MOUNT_NAMESPACES {
            let boots = Self { mount_namespace };
            match boots.try_once(&file) {
                Ok(()) => return Ok(boots),
                Err(why) => lacks = NoBoots(why.to_string()),
            }
        }
        Err(lacks)
    }

    fn try_once(&self, file: &Path) -> io::Result<()> {
        new_boot(file)?;
        let words = self.words(Vec::new(), file);
        let ran = Command::new(&words[0])
            .args(&words[1..])
            .args(["cat", BOOT_ID])
            .output();
        let (ran, own) = (ran?, std::fs::read(file)?);
        std::fs::remove_file(file)?;
        if ran.status.success() && ran.stdout == own {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&ran.stderr);
        Err(io::Error::other(why.trim().to_owned()))
    }

    /// The first words of a command that has the boot of this folder, `inside` what they begin
    /// with.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn wrapper(&self, inside: Vec<OsString>, folder: &Path) -> io::Result<Vec<OsString>> {
        let file = boot_file(folder);
        new_boot(&file)?;
        Ok(self.words(inside, &file))
    }

    fn words(&self, inside: Vec<OsString>, file: &Path) -> Vec<OsString> {
        let mut words = inside;
        if words.is_empty() {
            words.extend(self.mount_namespace.iter().map(OsString::from));
        }
        let run = format!("mount --bind \"$0\" {BOOT_ID} && exec \"$@\"");
        words.extend(["sh".into(), "-c".into(), run.into(), file.into()]);
        words
    }
}

/// The file with the name of a node's boot.
#[must_use]
pub fn boot_file(folder: &Path) -> PathBuf {
    folder.join("boot_id")
}

/// Begins another boot of the node whose file this is.
///
/// # Errors
/// When the file cannot be written.
pub fn new_boot(file: &Path) -> io::Result<()> {
    // A kernel gives a new one at each read.
    let name = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    std::fs::write(file, name)
}
