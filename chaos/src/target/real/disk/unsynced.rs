//! Changes that are not durable yet, and their undoing.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::names::Names;

/// What is older is durable without a sync.
const WRITTEN_BACK_AFTER: Duration = Duration::from_secs(20);

/// A change of the disk, with what was before.
#[derive(Debug)]
pub(super) enum Change {
    Wrote {
        file: u64,
        offset: u64,
        /// What was in its place, as far as there was something.
        old: Vec<u8>,
        length: u64,
        old_size: u64,
    },
    Resized {
        file: u64,
        old_size: u64,
        /// What was cut off.
        tail: Vec<u8>,
    },
    Created {
        file: u64,
        folder: u64,
    },
    Removed {
        file: u64,
        folder: u64,
        from: PathBuf,
        /// Where it is kept until its removal is durable; None for an empty folder.
        kept: Option<PathBuf>,
    },
    Renamed {
        folders: [u64; 2],
        from: PathBuf,
        to: PathBuf,
        /// The file that was there, and where it is kept.
        replaced: Option<(u64, PathBuf)>,
    },
}

impl Change {
    fn is_of_data(&self) -> bool {
        matches!(self, Self::Wrote { .. } | Self::Resized { .. })
    }

    fn is_data_of(&self, of: u64) -> bool {
        match self {
            Self::Wrote { file, .. } | Self::Resized { file, .. } => *file == of,
            _ => false,
        }
    }

    /// Whether a sync of this file or folder makes the change of names durable.
    fn is_named_by(&self, synced: u64) -> bool {
        match self {
            Self::Created { file, folder } => *file == synced || *folder == synced,
            Self::Removed { folder, .. } => *folder == synced,
            Self::Renamed { folders, .. } => folders.contains(&synced),
            _ => false,
        }
    }
}

#[derive(Debug)]
struct Pending {
    number: u64,
    at: Instant,
    change: Change,
}

/// Changes that are not durable, in their order.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    pending: VecDeque<Pending>,
    next: u64,
}

/// What a power failure took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub lost: u64,
    pub torn: u64,
}

impl Unsynced {
    pub(super) fn add(&mut self, change: Change) {
        self.write_back();
        self.pending.push_back(Pending {
            number: self.next,
            at: Instant::now(),
            change,
        });
        self.next += 1;
    }

    /// Changes from now on have this number or a higher one.
    pub(super) fn now(&self) -> u64 {
        self.next
    }

    fn write_back(&mut self) {
        let old = |pending: &Pending| pending.at.elapsed() > WRITTEN_BACK_AFTER;
        while self.pending.front().is_some_and(old) {
            if let Some(durable) = self.pending.pop_front() {
                forget(durable);
            }
        }
    }

    /// A file or a folder was synced: its changes before `until` are durable, and all changes of
    /// names up to its last one.
    pub(super) fn synced(&mut self, what: u64, until: u64) {
        let named = self.pending.iter().rev();
        let mut named = named.filter(|pending| pending.number < until);
        let last = named.find(|pending| pending.change.is_named_by(what));
        let last = last.map(|pending| pending.number);
        let is_durable = |pending: &Pending| {
            if pending.change.is_of_data() {
                pending.change.is_data_of(what) && pending.number < until
            } else {
                last.is_some_and(|last| pending.number <= last)
            }
        };
        let (durable, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(is_durable);
        self.pending = pending;
        let durable: VecDeque<Pending> = durable;
        durable.into_iter().for_each(forget);
    }

    /// Takes back everything. With `tear`, all changes up to a write are kept, and of that write a
    /// part.
    ///
    /// # Errors
    /// When the folder below cannot be changed.
    pub(super) fn take_back(&mut self, names: &mut Names, tear: Option<u64>) -> io::Result<Taken> {
        let torn = tear.and_then(|tear| self.torn(tear));
        let mut taken = Taken::default();
        while let Some(pending) = self.pending.pop_back() {
            match (torn, &pending.change) {
                (
                    Some((number, keep)),
                    Change::Wrote {
                        file,
                        offset,
                        old,
                        length,
                        old_size,
                    },
                ) if number == pending.number => {
                    let keep = keep.min(*length);
                    let rest = old.get(usize::try_from(keep).unwrap_or(usize::MAX)..);
                    let size = (*old_size).max(offset + keep);
                    unwrite(names, *file, offset + keep, rest.unwrap_or_default(), size)?;
                    taken.torn += 1;
                    self.pending.drain(..).for_each(forget);
                    return Ok(taken);
                }
                _ => undo(names, pending.change)?,
            }
            taken.lost += 1;
        }
        Ok(taken)
    }

    /// The write that is torn, and how many bytes of it are kept: every second time the last one.
    fn torn(&self, tear: u64) -> Option<(u64, u64)> {
        let long = |pending: &Pending| match pending.change {
            Change::Wrote { length, .. } if length > 1 => Some((pending.number, length)),
            _ => None,
        };
        let writes: Vec<_> = self.pending.iter().filter_map(long).collect();
        let last = writes.len().checked_sub(1)?;
        let at = match tear % 2 {
            0 => last,
            _ => usize::try_from(tear >> 1).unwrap_or(0) % writes.len(),
        };
        let (number, length) = writes[at];
        Some((number, 1 + (tear >> 8) % (length - 1)))
    }
}

/// A change is durable: what was kept of before is not needed any more.
fn forget(durable: Pending) {
    let kept = match durable.change {
        Change::Removed { kept, .. } => kept,
        Change::Renamed { replaced, .. } => replaced.map(|(_, kept)| kept),
        _ => None,
    };
    if let Some(kept) = kept {
        // It stays as garbage at worst.
        drop(fs::remove_file(kept));
    }
}

fn undo(names: &mut Names, change: Change) -> io::Result<()> {
    match change {
        Change::Wrote {
            file,
            offset,
            old,
            old_size,
            ..
        } => unwrite(names, file, offset, &old, old_size),
        Change::Resized {
            file,
            old_size,
            tail,
        } => {
            let at = old_size - u64::try_from(tail.len()).unwrap_or(0);
            unwrite(names, file, at, &tail, old_size)
        }
        Change::Created { file, .. } => {
            if let Some(path) = names.path(file) {
                match path.is_dir() {
                    true => fs::remove_dir_all(path)?,
                    false => fs::remove_file(path)?,
                }
            }
            names.forget(file);
            Ok(())
        }
        Change::Removed {
            file, from, kept, ..
        } => {
            match kept {
                Some(kept) => fs::rename(kept, &from)?,
                None => fs::create_dir(&from)?,
            }
            names.put(file, from);
            Ok(())
        }
        Change::Renamed {
            from, to, replaced, ..
        } => {
            fs::rename(&to, &from)?;
            names.moved(&to, &from);
            if let Some((file, kept)) = replaced {
                fs::rename(kept, &to)?;
                names.put(file, to);
            }
            Ok(())
        }
    }
}

fn unwrite(names: &Names, file: u64, offset: u64, old: &[u8], size: u64) -> io::Result<()> {
    let Some(path) = names.path(file) else {
        return Ok(());
    };
    let opened = match OpenOptions::new().write(true).open(path) {
        // Its removal was durable.
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    opened.write_all_at(old, offset)?;
    opened.set_len(size)
}

/// The bytes of a file from `offset`, at most `length`: what a write there replaces.
///
/// # Errors
/// When they cannot be read.
pub(super) fn bytes(path: &Path, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let length = size.saturating_sub(offset).min(length);
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
