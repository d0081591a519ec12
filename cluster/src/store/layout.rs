//! Layout of the data directory, and file operations that have to be durable.
//!
//! ```text
//! DIR/LOCK        locked exclusively while a node runs
//!     FORMAT      version of this layout
//!     RUNNING     boot id of the machine at the last start, or "unsynced" while the state is
//!                 synced at a stop, and after a sync that failed or did not end; absent after a
//!                 clean stop
//!     UNVERIFIED  starts in a row that did not come to the end of verifying the state
//!     NODE        the node and the cluster that this directory belongs to
//!     CURRENT     name of the live state directory
//!     wal/        the log
//!     snapshots/  snapshot files
//!     floor       released views, apart from log and state (`crate::floor`)
//!     peers       what other voters had told (`crate::raft::quarantine`)
//!     quarantined there if this folder is an older copy
//!     origin      what no copy of `origin-1` or `origin-2` has: whether this folder was copied
//!     predecessor a backup that the cluster begins from, until its state is taken over
//!                 (`crate::backup`)
//!     state-N/    sled; state-N.aside: quarantined
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cameo_common::terminal::escaped_line;

use super::private_folder;

/// Version of the whole layout.
pub(super) const FORMAT: &str = "cameo-data 5\n";

const LOCK: &str = "LOCK";
const FORMAT_FILE: &str = "FORMAT";
const RUNNING: &str = "RUNNING";
/// Content of `RUNNING` from the last sync of the state on, until that has succeeded.
const UNSYNCED: &str = "unsynced";
const UNVERIFIED: &str = "UNVERIFIED";
const NODE: &str = "NODE";
const CURRENT: &str = "CURRENT";
const WAL: &str = "wal";
const SNAPSHOTS: &str = "snapshots";
pub(super) const STATE_PREFIX: &str = "state-";
pub(super) const QUARANTINED: &str = ".aside";
pub(super) const DAMAGED: &str = ".damaged";
/// Name of the backup that a new cluster begins from.
pub const PREDECESSOR: &str = "predecessor";
/// Longest part of a file FORMAT that is shown.
const MAX_FORMAT_BYTES: usize = 40;
/// Suffix of unfinished files.
pub(super) const PART: &str = ".part";

/// Where the parts of a data directory are.
#[derive(Debug, Clone)]
pub(super) struct FolderPaths {
    root: PathBuf,
}

impl FolderPaths {
    pub fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    pub fn format(&self) -> PathBuf {
        self.root.join(FORMAT_FILE)
    }

    pub fn node(&self) -> PathBuf {
        self.root.join(NODE)
    }

    pub fn wal(&self) -> PathBuf {
        self.root.join(WAL)
    }

    pub fn snapshots(&self) -> PathBuf {
        self.root.join(SNAPSHOTS)
    }

    /// Boot id left by a node that did not stop cleanly.
    pub fn running(&self) -> io::Result<Option<String>> {
        let found = read_optional(&self.root.join(RUNNING))?;
        Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    /// The live state directory, if there is one.
    pub fn current_state(&self) -> io::Result<Option<PathBuf>> {
        let Some(bytes) = read_optional(&self.root.join(CURRENT))? else {
            return Ok(None);
        };
        let name = String::from_utf8_lossy(&bytes).trim().to_owned();
        let number = name.strip_prefix(STATE_PREFIX).map(str::parse::<u64>);
        match number {
            Some(Ok(_)) => Ok(Some(self.root.join(name))),
            _ => Ok(None),
        }
    }
}

/// An existing, locked data directory. The lock lives as long as this value.
#[derive(Debug)]
pub(super) struct DataDirectory {
    root: PathBuf,
    paths: FolderPaths,
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error(
        "another node is running on {0}: \
         stop it first, or give this node its own directory"
    )]
    Locked(PathBuf),
    #[error(
        "{0} has the data format `{1}`, this build reads only `{reads}`: \
         start the version of cameod that wrote it",
        reads = FORMAT.trim_end()
    )]
    UnknownFormat(PathBuf, String),
    #[error(
        "{0} is not empty and not a Cameo data directory: \
         give an empty or new directory with --data"
    )]
    Foreign(PathBuf),
    #[error(
        "others can enter the data directory {0}, and it cannot be closed to them: {1}. \
         Run `chmod -R go= {0}` as its owner"
    )]
    Open(PathBuf, #[source] io::Error),
    #[error("cannot use the data directory {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

impl DataDirectory {
    /// Creates or opens `root` and locks it.
    pub fn open(root: &Path) -> Result<Self, DirectoryError> {
        let failed = |error| DirectoryError::Io(root.to_owned(), error);
        fs::create_dir_all(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let empty = fs::read_dir(&root)
            .map_err(failed)?
            .filter_map(Result::ok)
            .all(|entry| entry.file_name() == LOCK || entry.file_name() == PREDECESSOR);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(FolderPaths::of(&root).lock())
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(DirectoryError::Locked(root)),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let directory = Self {
            paths: FolderPaths::of(&root),
            root,
            _lock: lock,
        };
        directory.check_format(empty)?;
        directory.close_to_others()?;
        directory.create_folders().map_err(failed)?;
        Ok(directory)
    }

    fn check_format(&self, empty: bool) -> Result<(), DirectoryError> {
        let failed = |error| DirectoryError::Io(self.root.clone(), error);
        match read_optional(&self.paths.format()).map_err(failed)? {
            Some(found) if found == FORMAT.as_bytes() => Ok(()),
            Some(found) => Err(DirectoryError::UnknownFormat(
                self.root.clone(),
                format_name(&found),
            )),
            None if empty => write_durably(&self.paths.format(), FORMAT.as_bytes()).map_err(failed),
            None => Err(DirectoryError::Foreign(self.root.clone())),
        }
    }

    /// Once it is certain that the folder is a node's: another one's permissions are not changed.
    fn close_to_others(&self) -> Result<(), DirectoryError> {
        let closed = private_folder::close(&self.root);
        if closed.map_err(|error| DirectoryError::Open(self.root.clone(), error))? {
            tracing::warn!(
                folder = %self.root.display(),
                "others could enter the data folder: it and everything in it is closed to them"
            );
        }
        Ok(())
    }

    fn create_folders(&self) -> io::Result<()> {
        fs::create_dir_all(self.wal())?;
        fs::create_dir_all(self.snapshots())?;
        sync_directory(&self.root)?;
        match self.root.parent() {
            Some(parent) => sync_directory(parent),
            None => Ok(()),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn wal(&self) -> PathBuf {
        self.paths.wal()
    }

    pub fn snapshots(&self) -> PathBuf {
        self.paths.snapshots()
    }

    pub fn node_file(&self) -> PathBuf {
        self.paths.node()
    }

    /// See [`FolderPaths::running`].
    pub fn running(&self) -> io::Result<Option<String>> {
        self.paths.running()
    }

    pub fn mark_running(&self, boot_id: &str) -> io::Result<()> {
        write_durably(&self.root.join(RUNNING), format!("{boot_id}\n").as_bytes())
    }

    /// No machine has this boot id, so that the state is not trusted.
    pub fn mark_unsynced(&self) -> io::Result<()> {
        self.mark_running(UNSYNCED)
    }

    pub fn mark_stopped(&self) -> io::Result<()> {
        fs::remove_file(self.root.join(RUNNING))?;
        sync_directory(&self.root)
    }

    /// Starts in a row that did not come to the end of verifying the state. A file that cannot be
    /// understood counts as very many.
    pub fn unverified_starts(&self) -> io::Result<u32> {
        let Some(bytes) = read_optional(&self.root.join(UNVERIFIED))? else {
            return Ok(0);
        };
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim().parse().unwrap_or(u32::MAX))
    }

    /// Records so many of them.
    pub fn mark_unverified(&self, starts: u32) -> io::Result<()> {
        write_durably(
            &self.root.join(UNVERIFIED),
            format!("{starts}\n").as_bytes(),
        )
    }

    /// The state is verified. A crash may undo this: the next start verifies it again then.
    pub fn mark_verified(&self) -> io::Result<()> {
        match fs::remove_file(self.root.join(UNVERIFIED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// See [`FolderPaths::current_state`].
    pub fn current_state(&self) -> io::Result<Option<PathBuf>> {
        self.paths.current_state()
    }

    /// The path of a state directory that does not exist yet, and that CURRENT does not name: what
    /// is not complete must not be taken for the live one.
    pub fn next_state(&self) -> io::Result<PathBuf> {
        let mut names: Vec<_> = self.states()?.into_iter().map(|(_, name)| name).collect();
        let live = self.current_state()?;
        let live = live.as_deref().and_then(Path::file_name);
        names.extend(live.map(|name| name.to_string_lossy().into_owned()));
        let numbers = names.iter().filter_map(|name| {
            let digits = name.strip_prefix(STATE_PREFIX)?;
            digits.trim_end_matches(QUARANTINED).parse::<u64>().ok()
        });
        let highest = numbers.max().unwrap_or_default();
        Ok(self.root.join(format!("{STATE_PREFIX}{}", highest + 1)))
    }

    /// Makes `state` the live state directory, durably.
    pub fn make_current(&self, state: &Path) -> io::Result<()> {
        let name = state.file_name().unwrap_or_default().to_string_lossy();
        write_durably(&self.root.join(CURRENT), format!("{name}\n").as_bytes())
    }

    /// Quarantines a damaged or outdated state for inspection; at most one is kept.
    pub fn quarantine(&self, state: &Path) -> io::Result<PathBuf> {
        for (path, name) in self.states()? {
            if name.ends_with(QUARANTINED) {
                fs::remove_dir_all(path)?;
            }
        }
        let mut name = state.file_name().unwrap_or_default().to_owned();
        name.push(QUARANTINED);
        let quarantined = self.root.join(name);
        fs::rename(state, &quarantined)?;
        sync_directory(&self.root)?;
        Ok(quarantined)
    }

    /// Removes state directories that are not in `keep`, except the quarantined one.
    pub fn remove_stale_states(&self, keep: &[&Path]) -> io::Result<()> {
        for (path, name) in self.states()? {
            if !name.ends_with(QUARANTINED) && !keep.contains(&path.as_path()) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    fn states(&self) -> io::Result<Vec<(PathBuf, String)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(STATE_PREFIX) {
                found.push((entry.path(), name));
            }
        }
        Ok(found)
    }
}

/// Boot id of this machine. It changes at every boot, whatever the clock says.
pub(super) fn boot_id() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

/// The version that a file FORMAT has, in one line.
pub(super) fn format_name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_FORMAT_BYTES)]).into_owned();
    escaped_line(text.trim())
}

/// The file's bytes, or `None` when it does not exist.
pub(super) fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a small file: after a crash it has either the old bytes or the new ones.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    let part = PathBuf::from(part);
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    rename_durably(&part, path)
}

/// Renames within one directory and syncs that directory.
pub(crate) fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent() {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes created, renamed or removed names in `path` survive a crash of the machine.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
