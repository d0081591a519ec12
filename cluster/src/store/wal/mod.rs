//! The log on disk: `raft-log` behind openraft's `RaftLogStorage`.
//!
//! Entries, vote, committed, truncation and purge are records of one write-ahead log, so their
//! order on disk is the order in which openraft asked for them. Nothing is acknowledged before the
//! fdatasync that covers it (`group`), and a tail is cut at start only where no acknowledged record
//! can have been (`tail`).

mod codec;
mod error;
mod group;
mod log;
mod storage;
mod tail;

pub use codec::MAX_PROPOSAL_BYTES;
pub(super) use error::WalError;
pub use log::Wal;

#[cfg(test)]
pub(super) use codec::{EntryRecord, LogKey, VoteRecord};
