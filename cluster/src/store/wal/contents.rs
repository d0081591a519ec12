//! A walk over all entries of the log.

use super::error::WalError;
use super::log::Wal;
use crate::consensus_types::aliases::position;

/// Bytes of entries that are decoded at a time.
const BYTES_AT_ONCE: usize = 8 << 20;

/// The entries of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Contents {
    pub entries: u64,
    /// Index of the first one.
    pub first: Option<u64>,
    /// `(term, index)` of the last one, or of the last one that was purged.
    pub last: Option<(u64, u64)>,
}

impl Wal {
    /// Reads and decodes every entry, and checks that none is missing. Blocks.
    pub(in super::super) fn contents(&self) -> Result<Contents, WalError> {
        let start = self.purged().map_or(0, |id| id.index() + 1);
        let end = self.last().map_or(0, |id| id.index() + 1);
        let mut next = start;
        while next < end {
            let entries = self.read(next, end, BYTES_AT_ONCE);
            let entries = entries.map_err(WalError::Unreadable)?;
            if entries.is_empty() {
                return Err(WalError::Gap { missing: next });
            }
            for entry in entries {
                if entry.log_id.index() != next {
                    return Err(WalError::Gap { missing: next });
                }
                next += 1;
            }
        }
        Ok(Contents {
            entries: next - start,
            first: (next > start).then_some(start),
            last: self.last().as_ref().map(position),
        })
    }
}
