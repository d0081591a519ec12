//! A mounted disk, and the trouble that can be made with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption, Session};

use super::damage::Damage;
use super::layer::Layer;
use super::state::{Power, Shared};
use super::trouble::{Counts, Trouble};
use crate::target::real::owner::unmount;

/// By which the kernel asks for files.
const DEVICE: &str = "/dev/fuse";
/// Calls that the disk serves at once.
const THREADS: usize = 4;
/// Smaller files are not damaged: a lock file has nothing to damage.
const SMALLEST: u64 = 16;

/// FUSE cannot be had on this machine.
#[derive(Debug, thiserror::Error)]
pub enum NoDisk {
    #[error("{DEVICE} cannot be opened: {0}")]
    Device(io::Error),
    #[error("a file system of our own cannot be mounted: {0}")]
    Mount(#[from] io::Error),
}

/// A disk. Unmounted when it is dropped.
#[derive(Debug)]
pub struct Disk {
    shared: Arc<Shared>,
    files: PathBuf,
    at: PathBuf,
    session: Option<BackgroundSession>,
}

impl Disk {
    /// Tries once whether disks can be mounted, in this folder.
    ///
    /// # Errors
    /// When they cannot.
    pub fn probe(folder: &Path, name: &str) -> Result<(), NoDisk> {
        let opened = fs::File::options().read(true).write(true).open(DEVICE);
        drop(opened.map_err(NoDisk::Device)?);
        let below = folder.join("probe-disk");
        let at = folder.join("probe");
        let probed = Self::mount(&below, &at, name).and_then(|disk| {
            fs::write(disk.at.join("file"), b"probe")?;
            Ok(())
        });
        fs::remove_dir_all(below)?;
        fs::remove_dir(at)?;
        probed
    }

    /// Mounts a disk `at` a folder, with its files in `below`. The mount has this name.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(below: &Path, at: &Path, name: &str) -> Result<Self, NoDisk> {
        let files = below.join("files");
        let removed = below.join("removed");
        for folder in [&files, &removed, &at.to_owned()] {
            fs::create_dir_all(folder)?;
        }
        let shared = Arc::new(Shared::new(files.clone(), removed));
        let layer = Layer {
            shared: shared.clone(),
        };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName(name.to_owned())];
        config.n_threads = Some(THREADS);
        let session = Session::new(layer, at, &config)?.spawn()?;
        Ok(Self {
            shared,
            files,
            at: at.to_owned(),
            session: Some(session),
        })
    }

    /// From now on it is in this trouble.
    pub fn set(&self, trouble: Trouble) {
        self.shared.lock().trouble = trouble;
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// The power fails: from now on nothing is done, and nothing answered. The users of the disk
    /// have to be killed now.
    pub fn fail_power(&self) {
        self.shared.set_power(Power::Failing);
    }

    /// Answers those who wait with an error, so that they can die of their SIGKILL.
    pub fn let_die(&self) {
        self.shared.set_power(Power::Off);
    }

    /// The power is back: what was not synced is gone. With `tear`, a part of an unsynced write and
    /// all that was changed before it is there.
    ///
    /// # Errors
    /// When the folder below cannot be changed.
    pub fn restore_power(&self, tear: Option<u64>) -> io::Result<Counts> {
        let mut state = self.shared.lock();
        let state = &mut *state;
        state.open.clear();
        let taken = state.unsynced.take_back(&mut state.names, tear)?;
        state.counts.lost += taken.lost;
        state.counts.torn += taken.torn;
        state.power = Power::On;
        Ok(state.counts)
    }

    /// Turns a bit around that is read later: of a file which nobody has open now, in a folder
    /// whose name begins so. Until [`Disk::mend`]. Whether there is such a file.
    ///
    /// # Errors
    /// When the files cannot be listed.
    pub fn damage(&self, folder: &str, choice: u64) -> io::Result<bool> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.files)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(folder) && entry.path().is_dir() {
                list(&entry.path(), &mut files)?;
            }
        }
        let mut state = self.shared.lock();
        let mut closed = Vec::new();
        for path in files {
            let number = state.names.number(&path);
            if state.open.values().all(|open| open.number != number) {
                closed.push(number);
            }
        }
        let any = !closed.is_empty();
        state.damage = Some(Damage::new(closed, choice));
        Ok(any)
    }

    /// The file whose bit was read turned around, if any was.
    #[must_use]
    pub fn damaged(&self) -> Option<PathBuf> {
        let state = self.shared.lock();
        let file = state.damage.as_ref()?.file()?;
        let path = state.names.path(file)?;
        Some(path.strip_prefix(&self.files).unwrap_or(path).to_owned())
    }

    /// The turned bit is as it was.
    pub fn mend(&self) {
        self.shared.lock().damage = None;
    }
}

/// All files below a folder that are large enough.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            list(&entry.path(), files)?;
        } else if metadata.len() >= SMALLEST {
            files.push(entry.path());
        }
    }
    Ok(())
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody has to wait for it any more.
        self.shared.set_power(Power::Off);
        unmount(&self.at);
        drop(self.session.take());
    }
}
