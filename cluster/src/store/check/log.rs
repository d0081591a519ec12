//! The log: every record, its checksum, and the chain of indexes.

use std::path::Path;
use std::sync::Arc;

use super::super::wal::{Truncation, Wal, WalError, torn_tail};

/// An intact log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFound {
    /// Entries that were read, from the first to the last one.
    pub entries: u64,
    /// Index of the first one; None without entries.
    pub first: Option<u64>,
    /// `(term, index)` of the last one, or of the last one that was purged.
    pub last: Option<(u64, u64)>,
    /// Index up to which entries are known to be committed.
    pub committed: Option<u64>,
    /// Term of the vote.
    pub term: Option<u64>,
    /// An incomplete record at the end, which a crash has left and nobody was told of.
    pub torn: Option<Truncation>,
}

impl LogFound {
    /// Whether its first entries are in a snapshot alone.
    #[must_use]
    pub fn is_purged(&self) -> bool {
        self.last.is_some() && self.first != Some(0)
    }
}

/// Reads every record of the log in `original`, and every entry of its copy.
pub(super) fn open(original: &Path, copy: &Path) -> Result<(Wal, LogFound), WalError> {
    // Before the copy is opened: that cuts off an incomplete record.
    let torn = match original.is_dir() {
        true => torn_tail(original)?,
        false => None,
    };
    let was_clean = true; // Nothing rests on the copy.
    let wal = Wal::open(copy, Arc::default(), was_clean)?;
    let contents = wal.contents()?;
    let found = LogFound {
        entries: contents.entries,
        first: contents.first,
        last: contents.last,
        committed: wal.committed().map(|id| id.index()),
        term: wal.vote().map(|vote| vote.leader_id.term),
        torn,
    };
    Ok((wal, found))
}
