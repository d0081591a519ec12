//! The Cameo node, from a request of HTTP to a reply:
//! body -> caller -> `Command` -> raft -> `cameo_machine::decide` -> one atomic batch -> reply.
//!
//! Rooms, the highest first; each uses only those below it:
//! - `node` starts the others and stops them; `config` is what it was told.
//! - `http` turns bodies into commands, and replies into bodies.
//! - `jobs` does image work on threads of its own, `presence` keeps who is online, `key_release`
//!   releases this node's parts of keys.
//! - `event_stream` tells connected agents, `node_rpc` carries calls between nodes beside Raft.
//! - `raft` orders commands and admits members.
//! - `store` keeps the log and the state, `link` carries frames between nodes.
//! - `consensus_types` are openraft's types as the others spell them; `host` is the machine's clock,
//!   randomness and thread priorities.

pub mod config;
pub mod consensus_types;
pub mod event_stream;
pub mod host;
pub mod http;
pub mod jobs;
pub mod key_release;
pub mod link;
pub mod node;
pub mod node_rpc;
pub mod presence;
pub mod raft;
pub mod store;
