//! The Cameo node.
//!
//! A write passes HTTP body -> authentication -> `Command` -> Raft -> `cameo_machine::decide` ->
//! one atomic batch -> reply. `http` parses bodies, `raft` orders commands, the crate
//! `cameo_machine` decides them without IO, and `store` keeps the state. `link` connects nodes,
//! `node_rpc` their calls beside Raft. `presence` keeps leases, `event_stream` pushes events to
//! agents, `jobs` places and runs image work, `key_release` releases this node's parts. `node`
//! builds and runs all of them; `operator` is the operator's side, off the nodes; `host` is the
//! machine and the operating system below, and `latency` the histograms of all parts.

pub mod backup;
pub mod certificate;
pub mod config;
pub mod consensus_types;
pub mod event_stream;
pub mod floor;
pub mod folder_check;
pub mod host;
pub mod http;
pub mod jobs;
pub mod key_release;
pub mod latency;
pub mod link;
pub mod node;
pub mod node_rpc;
pub mod operator;
pub mod presence;
pub mod raft;
pub mod store;
