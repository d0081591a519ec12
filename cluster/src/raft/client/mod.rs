//! Client of Raft for the rest of the node: proposals, reads, and requests to other nodes.

pub(super) mod app_request;
mod early_reply;
pub(super) mod handle;
mod own_reply;
pub(super) mod propose;
pub(super) mod raft_replica;
pub(super) mod read;
pub(super) mod replica;
mod retry;
pub(super) mod running;
pub(super) mod stamp;
