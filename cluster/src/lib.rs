//! The Cameo node. One way through it:
//! HTTP body -> who is asking -> `Command` -> raft -> `machine::decide` -> one atomic batch -> reply.
//!
//! `http` turns bodies into commands, `raft` orders them, `machine` decides them without IO, `store`
//! keeps what was decided. `link` carries frames between nodes, `node_calls` are what nodes ask of
//! each other beside Raft, `presence` keeps who is online, `events` tells connected agents, `jobs`
//! does the image work on threads of its own, `keys` releases a node's parts. `node` puts all of it
//! together.

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
