//! Memory and disk of the nodes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Bytes of a block in a file's metadata, whatever the file system has.
const BLOCK: u64 = 512;

/// What nodes take, on average.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sizes {
    pub memory: u64,
    pub disk: u64,
}

impl Sizes {
    /// Of these processes and folders.
    ///
    /// # Errors
    /// When a process does not run, or a folder cannot be read.
    pub fn of(processes: &[u32], folders: &[&Path]) -> anyhow::Result<Self> {
        let memory: anyhow::Result<u64> = processes.iter().map(|id| resident(*id)).sum();
        let disk: io::Result<u64> = folders.iter().map(|folder| on_disk(folder)).sum();
        Ok(Self {
            memory: memory? / processes.len().max(1) as u64,
            disk: disk? / folders.len().max(1) as u64,
        })
    }
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// When it does not run.
pub fn resident(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    resident_of(&status).with_context(|| format!("VmRSS in {path}"))
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Bytes that a folder takes. A file that goes meanwhile counts no more.
fn on_disk(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = match entry.metadata() {
            Ok(found) if found.is_dir() => on_disk(&entry.path()),
            Ok(found) => Ok(found.blocks() * BLOCK),
            Err(error) => Err(error),
        };
        bytes += match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            found => found?,
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn memory_and_disk_are_those_of_the_kernel() {
        let status = "Name:\tcameod\nVmHWM:\t  900 kB\nVmRSS:\t     812 kB\n";
        assert_eq!(resident_of(status), Some(812 * 1024));
        assert_eq!(resident_of("Name:\tzombie\n"), None);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("within")).unwrap();
        fs::write(folder.path().join("within/file"), [1; 100_000]).unwrap();
        let sizes = Sizes::of(&[std::process::id()], &[folder.path()]).unwrap();
        assert!(sizes.memory > 0);
        assert!(sizes.disk >= 98_304, "{} bytes", sizes.disk);
    }
}
