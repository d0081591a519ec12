//! The state of one disk, shared by the file system and by who makes trouble.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::Errno;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::damage::Damage;
use super::names::Names;
use super::trouble::{Asked, Counts, Trouble};
use super::unsynced::{Change, Unsynced};

/// Whether the disk has power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    On,
    /// It does nothing any more, and says nothing: those who ask wait.
    Failing,
    /// Those who ask are told that it failed; nobody should be left to hear it.
    Off,
}

/// An open file.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub number: u64,
    pub file: Arc<File>,
    /// Writes go to its end, wherever that is.
    pub appends: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub names: Names,
    pub unsynced: Unsynced,
    pub trouble: Trouble,
    pub power: Power,
    pub counts: Counts,
    pub damage: Option<Damage>,
    pub open: HashMap<u64, Open>,
    pub next_handle: u64,
    /// Where removed files are kept until their removal is durable.
    removed: PathBuf,
    next_removed: u64,
}

/// The state behind a lock.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    power: Condvar,
}

impl Shared {
    /// A disk over the folder `files`; `removed` is a folder beside it.
    pub(super) fn new(files: PathBuf, removed: PathBuf) -> Self {
        Self {
            state: Mutex::new(State {
                names: Names::new(files),
                unsynced: Unsynced::default(),
                trouble: Trouble::None,
                power: Power::On,
                counts: Counts::default(),
                damage: None,
                open: HashMap::new(),
                next_handle: 1,
                removed,
                next_removed: 0,
            }),
            power: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn set_power(&self, power: Power) {
        self.state.lock().power = power;
        self.power.notify_all();
    }

    /// The state for one call, if the disk does as it is asked.
    pub(super) fn ask(&self, asked: Asked) -> Result<MutexGuard<'_, State>, Errno> {
        let mut state = self.state.lock();
        while state.power == Power::Failing {
            self.power.wait(&mut state);
        }
        let refused = match state.power {
            Power::On => state.trouble.refuses(asked),
            _ => Some(Errno::EIO),
        };
        match refused {
            Some(errno) => {
                state.counts.refused += 1;
                Err(errno)
            }
            None => Ok(state),
        }
    }
}

impl State {
    pub(super) fn path(&self, number: u64) -> Result<PathBuf, Errno> {
        let path = self.names.path(number).ok_or(Errno::ENOENT)?;
        Ok(path.to_owned())
    }

    pub(super) fn opened(&self, handle: u64) -> Result<Open, Errno> {
        self.open.get(&handle).cloned().ok_or(Errno::EBADF)
    }

    pub(super) fn add_open(&mut self, open: Open) -> u64 {
        let handle = self.next_handle;
        self.next_handle += 1;
        self.open.insert(handle, open);
        handle
    }

    /// Takes a file out of its folder and keeps it; its new place.
    pub(super) fn keep(&mut self, path: &Path) -> io::Result<(u64, PathBuf)> {
        let number = self.names.number(path);
        let kept = self.removed.join(self.next_removed.to_string());
        self.next_removed += 1;
        fs::rename(path, &kept)?;
        self.names.put(number, kept.clone());
        Ok((number, kept))
    }

    pub(super) fn remove(&mut self, folder: u64, path: PathBuf, is_folder: bool) -> io::Result<()> {
        let (file, kept) = if is_folder {
            let number = self.names.number(&path);
            fs::remove_dir(&path)?;
            self.names.forget(number);
            (number, None)
        } else {
            let (number, kept) = self.keep(&path)?;
            (number, Some(kept))
        };
        self.unsynced.add(Change::Removed {
            file,
            folder,
            from: path,
            kept,
        });
        Ok(())
    }

    pub(super) fn rename(
        &mut self,
        folders: [u64; 2],
        from: PathBuf,
        to: PathBuf,
    ) -> io::Result<()> {
        let replaces = to.is_file() && from != to;
        let replaced = replaces.then(|| self.keep(&to)).transpose()?;
        fs::rename(&from, &to)?;
        self.names.moved(&from, &to);
        self.unsynced.add(Change::Renamed {
            folders,
            from,
            to,
            replaced,
        });
        Ok(())
    }
}
