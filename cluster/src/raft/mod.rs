//! Consensus. openraft's types and traits end in this folder and in `store`'s adapters.
//!
//! `start` puts a node together; `node` is the handle that the rest of the node holds; `propose` and
//! `read` are its two verbs. `wire` is what nodes say to each other, `network` says it, `service` answers.
//! `forming` makes a cluster out of empty directories, once; `joining` makes a node a worker of it, which
//! `admitting` lets in. `clock` lets time into the log.

mod admitting;
mod appended;
mod belonging;
mod blob;
mod clock;
mod config;
mod consensus;
mod forming;
mod genesis;
mod joining;
mod leaving;
mod membership;
pub mod memory;
mod network;
mod node;
mod petition;
mod propose;
mod read;
mod runtime;
mod seams;
mod service;
mod shared;
mod snapshot;
mod start;
mod status;
mod store_snapshots;
#[cfg(test)]
mod tests;
pub mod types;
mod wire;
mod workers;

pub use clock::{HANDOVER_SKEW_MILLIS, LogTime, MEDIAN_LEAD_MILLIS, log_time};
pub use config::Timing;
pub use consensus::Storage;
pub use forming::Forming;
pub use genesis::{Genesis, GenesisMember, RecordError};
pub use leaving::{RemoveError, remove_worker};
pub use node::{AskError, Raft};
pub use propose::{MAX_COMMAND_BYTES, MAX_ENTRY_BYTES, ProposeError, Proposed};
pub use read::ReadError;
pub use runtime::RAFT_THREAD;
pub use seams::{AppService, ReportSink, ReportSource, Stamp, SystemClock, WallClock};
pub use snapshot::{Receiving, SnapshotPort};
pub use start::{Parts, Settings, StartError};
pub use status::{Leadership, Role, Status};
pub use types::{Member, RaftNodeId};
pub use workers::MAX_WORKERS;
