//! openraft: its settings, its thread, and the trait that wraps it.

pub(super) mod config;
pub(super) mod consensus;
pub(super) mod disk_transfer;
mod election_slot;
pub(super) mod leader_transfer;
pub(super) mod log_clock;
pub(super) mod node_state;
pub(super) mod runtime;
pub(super) mod status;
pub(super) mod storage;
pub(super) mod store_snapshots;
pub(super) mod successors;
pub(super) mod voters;
pub(super) mod workers;
