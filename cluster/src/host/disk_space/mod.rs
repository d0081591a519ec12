//! Free space on the disk of a node's data folder, and the reserve below which the node takes no
//! new entries.
//!
//! Law: what grows with the load (appends with entries, proposals, snapshots, the write-behind of
//! the state) stops while the disk is low, before a write fails. Votes, truncations, committed
//! indexes and floors are written from the reserve. Reads go on.

mod meter;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;

pub use meter::{Filesystem, Measured, NoFigures, SpaceMeter};

/// Most of a reserve that is not configured. What is on its way when the disk becomes low fits into
/// it: 32 appends of 1 MiB, a batch of the write-behind, and the small records after it.
const DEFAULT_BYTES: u64 = 128 << 20;
/// Most of a reserve that is not configured, as a share of the file system: one eighth.
const DEFAULT_SHARE: u64 = 8;
/// Free bytes above the reserve with which a node takes entries again, as a share of the reserve:
/// one quarter, so that it does not change with every append.
const RESUME_SHARE: u64 = 4;
/// Pause between two lines of the log while the disk is low.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Free bytes below which a node takes no new entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reserve {
    /// 128 MiB, and at most an eighth of the file system.
    #[default]
    Default,
    /// So many bytes.
    Bytes(u64),
}

impl Reserve {
    /// The bytes, on a file system of this size if it is known.
    fn of(self, size: Option<u64>) -> u64 {
        match self {
            Self::Default => size.map_or(DEFAULT_BYTES, |size| {
                DEFAULT_BYTES.min(size / DEFAULT_SHARE)
            }),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The node takes no new entries for want of free bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "this node is low on disk space: {free} bytes are free on the disk of its data folder, and it \
     needs {needed}. Free space there: it goes on by itself"
)]
pub struct LowDiskSpace {
    pub free: u64,
    pub needed: u64,
}

/// Free space, as last measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskStatus {
    /// Free bytes; `None` where the file system does not say.
    pub free: Option<u64>,
    /// Bytes of the whole file system; `None` where it does not say.
    pub size: Option<u64>,
    /// Free bytes below which the node takes no new entries.
    pub reserve: u64,
    /// The node takes no new entries.
    pub is_low: bool,
}

impl DiskStatus {
    /// Of nothing measured.
    const fn unknown(reserve: u64) -> Self {
        Self {
            free: None,
            size: None,
            reserve,
            is_low: false,
        }
    }

    /// Why the node takes no new entries, if it does not.
    #[must_use]
    pub fn low(&self) -> Option<LowDiskSpace> {
        let free = self.free.filter(|_| self.is_low)?;
        let needed = resume_at(self.reserve);
        Some(LowDiskSpace { free, needed })
    }
}

/// Free bytes with which a node whose disk is low takes entries again.
const fn resume_at(reserve: u64) -> u64 {
    reserve.saturating_add(reserve / RESUME_SHARE)
}

/// Whether there is room on the disk of a data folder. Shared by all parts of a node.
pub struct DiskSpace {
    folder: PathBuf,
    meter: Arc<dyn SpaceMeter>,
    reserve: Reserve,
    status: watch::Sender<DiskStatus>,
    said: Mutex<Option<Instant>>,
}

impl DiskSpace {
    /// The space around a folder, measured now.
    #[must_use]
    pub fn around(folder: PathBuf, meter: Arc<dyn SpaceMeter>, reserve: Reserve) -> Arc<Self> {
        let space = Self {
            folder,
            meter,
            reserve,
            status: watch::Sender::new(DiskStatus::unknown(reserve.of(None))),
            said: Mutex::default(),
        };
        space.measure();
        Arc::new(space)
    }

    /// Of a disk that is never low: one in memory.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::around(PathBuf::new(), Arc::new(NoFigures), Reserve::Bytes(0))
    }

    /// As last measured.
    #[must_use]
    pub fn status(&self) -> DiskStatus {
        *self.status.borrow()
    }

    /// Whether the node takes no new entries.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.status.borrow().is_low
    }

    /// Checks that `bytes` leave the reserve as it is.
    ///
    /// # Errors
    /// When they do not, or the disk is low already.
    pub fn admit(&self, bytes: u64) -> Result<(), LowDiskSpace> {
        let DiskStatus {
            free,
            reserve,
            is_low,
            ..
        } = self.status();
        let resume = if is_low { resume_at(reserve) } else { 0 };
        let needed = reserve.saturating_add(bytes).max(resume);
        match free {
            Some(free) if free < needed => Err(LowDiskSpace { free, needed }),
            _ => Ok(()),
        }
    }

    /// Measures now. Blocks for one system call.
    pub fn measure(&self) -> DiskStatus {
        match self.meter.measure(&self.folder) {
            Ok(measured) => self.found(measured),
            // A disk that does not answer is no full disk: writes tell its state.
            Err(error) => tracing::debug!(%error, "the free space of the disk is not known"),
        }
        self.status()
    }

    fn found(&self, measured: Option<Measured>) {
        let free = measured.map(|measured| measured.free);
        let size = measured.map(|measured| measured.size);
        let reserve = self.reserve.of(size);
        let mut resumed = false;
        self.status.send_if_modified(|status| {
            let is_low = free.is_some_and(|free| match status.is_low {
                true => free < resume_at(reserve),
                false => free < reserve,
            });
            resumed = status.is_low && !is_low;
            let changed = status.is_low != is_low;
            *status = DiskStatus {
                free,
                size,
                reserve,
                is_low,
            };
            changed
        });
        self.say(resumed);
    }

    /// One line when the disk becomes low, one a minute while it is, and one when it is not.
    fn say(&self, resumed: bool) {
        let DiskStatus {
            free,
            reserve,
            is_low,
            ..
        } = self.status();
        let mut said = self.said.lock();
        if resumed {
            *said = None;
            tracing::info!(
                free,
                "there is room on the disk again, and this node takes entries"
            );
        } else if is_low && said.is_none_or(|last| last.elapsed() >= SAY_EVERY) {
            *said = Some(Instant::now());
            tracing::error!(
                free,
                reserve,
                "this node is low on disk space and takes no new entries: the other voters go on \
                 without it, reads go on, and nothing acknowledged is lost. Free space on the \
                 disk of its data folder: it goes on by itself"
            );
        }
    }

    /// Waits while the disk is low.
    pub async fn has_room(&self) {
        let mut status = self.status.subscribe();
        // The sender is in `self`.
        let _room = status.wait_for(|status| !status.is_low).await;
    }

    /// Waits until the disk is low, perhaps for ever.
    pub async fn runs_low(&self) {
        let mut status = self.status.subscribe();
        // The sender is in `self`.
        let _low = status.wait_for(|status| status.is_low).await;
    }
}

impl fmt::Debug for DiskSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiskSpace({:?})", self.status())
    }
}

#[cfg(test)]
pub(crate) mod tests;
