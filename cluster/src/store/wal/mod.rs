//! The log on disk: `raft-log` behind openraft's `RaftLogStorage`.
//!
//! Entries, vote, committed index, truncation and purge are records of one write-ahead log, so
//! their order on disk is the order of openraft's calls. Nothing is acknowledged before the
//! fdatasync that covers it (`group`), and the end of the log is cut off at start only where no
//! acknowledged record can have been (`tail`).

mod codec;
mod error;
mod group;
mod log;
mod storage;
mod tail;

pub use codec::MAX_PROPOSAL_BYTES;
pub(crate) use error::WalError;
pub use log::Wal;

#[cfg(test)]
pub(super) use codec::{EntryRecord, LogKey, VoteRecord};
