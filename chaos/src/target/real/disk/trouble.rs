//! States of a disk in trouble.

use std::time::Duration;

use fuser::Errno;

/// What the disk does not do as it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    #[default]
    None,
    /// Reads, writes and syncs fail with EIO.
    Error,
    /// Writes and new files fail with ENOSPC, and no byte is free.
    Full,
    /// Syncs fail with EIO.
    FailingSync,
    /// Syncs take this much longer.
    SlowSync(Duration),
}

/// What is asked of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Names and sizes, which are in memory.
    Look,
    Read,
    Write,
    /// Other changes of names than new ones: they take no space.
    Rename,
    Sync,
}

impl Trouble {
    pub(super) fn refuses(self, asked: Asked) -> Option<Errno> {
        match (self, asked) {
            (Self::Error, Asked::Read | Asked::Write | Asked::Rename | Asked::Sync)
            | (Self::FailingSync, Asked::Sync) => Some(Errno::EIO),
            (Self::Full, Asked::Write) => Some(Errno::ENOSPC),
            _ => None,
        }
    }
}

/// What the disk has done to its users so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that were refused.
    pub refused: u64,
    pub slow_syncs: u64,
    /// Questions for its free space, while it was full.
    pub told_full: u64,
    /// Reads that saw a turned bit.
    pub damaged_reads: u64,
    /// Writes and changes of names that a power failure took back.
    pub lost: u64,
    /// Writes of which a part was kept.
    pub torn: u64,
}
