//! What nodes say to each other for Raft, and how it is sent.

pub(super) mod append_stream;
pub(super) mod ask;
pub(super) mod network;
pub(super) mod snapshots;
pub(super) mod wire;
