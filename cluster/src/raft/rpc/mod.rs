//! Messages between nodes for Raft, and their transport.

pub(super) mod answer_rules;
pub(super) mod append_stream;
pub(super) mod ask;
mod messages;
pub(super) mod network;
mod refusals;
pub(super) mod snapshots;
pub(super) mod wire;
