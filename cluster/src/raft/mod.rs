//! Consensus. openraft's types and traits are used only here, in `consensus_types` and in the
//! adapters of `store`.
//!
//! `start` builds a node's consensus; `client` proposes commands and reads; `engine` runs openraft;
//! `rpc` are the messages between nodes, sent by its `network` and answered by `service`, to whom
//! `authority` permits; `checkpoints` are signatures over the state at fixed indexes, which certify
//! snapshots; `members` are bootstrap, joining and removal; `quarantine` keeps a voter out that has
//! come back with an older folder, and in an `exchange` voters tell each other how far they are;
//! `time` is the clock of the log, and the bound of the times that a voter takes; `ports` are
//! interfaces to the rest of the node; `memory` is a storage for tests and the simulator.

mod authority;
mod checkpoints;
mod client;
mod engine;
mod exchange;
mod genesis;
mod members;
pub mod memory;
mod ports;
pub mod quarantine;
mod rpc;
mod service;
mod start;
#[cfg(test)]
mod tests;
mod time;
mod versions;

pub use crate::consensus_types::Member;
pub use client::app_request::{AskError, app_reply, app_request};
pub use client::handle::Raft;
pub use client::propose::{MAX_COMMAND_BYTES, MAX_ENTRY_BYTES, ProposeError, Proposed};
pub use client::raft_replica::RaftReplica;
pub use client::read::ReadError;
pub use client::replica::{AppliedState, CALL_DEADLINE, Committed, HashedState, Replica};
pub use client::stamp::Stamper;
pub use engine::config::Timing;
pub use engine::runtime::RAFT_THREAD;
pub use engine::status::{Leadership, Role, Status};
pub use engine::storage::{RaftStorage, Storage};
pub use engine::voters::VotersError;
pub use engine::workers::MAX_WORKERS;
pub use genesis::{Genesis, GenesisMember, GenesisTerms};
pub use members::bootstrap_state::BootstrapState;
pub use members::record_file::RecordError;
pub(crate) use members::record_file::RecordFile;
pub use members::secret_check::SecretCheckError;
pub(crate) use members::secret_check::verify_file as verify_secret_check;
pub use members::successions::SuccessionError;
pub(crate) use members::successions::last_signed;
pub use ports::{
    AppService, AppliedDescriptors, AppliedTime, AppliedVersion, ReportSink, ReportSource, Stamp,
    WorkerGate, WorkerPass,
};
pub use rpc::snapshots::{Receiving, SnapshotPort};
pub use start::{Entrance, RaftDeps, Settings, StartError, start};
pub use time::clock::{LogTime, MEDIAN_LEAD, TRANSFER_SKEW, log_time};
