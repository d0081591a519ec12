//! What the rest of the node asks of Raft: propose a command, read after a barrier, ask a node.

pub(super) mod handle;
pub(super) mod propose;
pub(super) mod raft_replica;
pub(super) mod read;
pub(super) mod replica;
pub(super) mod stamp;
