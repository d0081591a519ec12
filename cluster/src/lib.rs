//! The Cameo node. One way through it:
//! HTTP body -> who is asking -> `Command` -> raft -> `machine::decide` -> one atomic batch -> reply.
//!
//! `http` turns bodies into commands, `raft` orders them, `machine` decides them without IO, `store`
//! keeps what was decided. `link` carries frames between nodes, `jobs` does the image work on
//! threads of its own, `keys` releases a node's parts.

pub mod jobs;
pub mod link;
pub mod machine;
pub mod raft;
pub mod store;
