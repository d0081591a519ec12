//! What nodes say to each other for Raft, and how it is sent.

pub(super) mod append_stream;
pub(super) mod ask;
mod messages;
pub(super) mod network;
mod refusals;
pub(super) mod snapshots;
pub(super) mod wire;
