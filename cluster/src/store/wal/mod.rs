//! The log on disk: `raft-log` behind openraft's `RaftLogStorage`.
//!
//! Entries, vote, committed index, truncation and purge are records of one write-ahead log, so
//! their order on disk is the order of openraft's calls. Nothing is acknowledged before the
//! fdatasync that covers it (`group`), and the end of the log is cut off at start only where no
//! acknowledged record can have been (`tail`).

mod codec;
mod contents;
mod error;
mod group;
mod log;
mod size;
mod storage;
mod tail;

pub use codec::MAX_PROPOSAL_BYTES;
pub use error::WalError;
pub(super) use log::FILE_BYTES;
pub use log::Wal;
pub use tail::Truncation;
pub(super) use tail::inspect as torn_tail;
pub(super) use tail::newest_file;

#[cfg(test)]
pub(super) use codec::{EntryRecord, LogKey, VoteRecord};
