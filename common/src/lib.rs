//! The pure parts of Cameo that nodes, clients and chaos share to the byte.
//!
//! No tokio, no sockets, no clock; randomness is passed in.

pub mod api;
pub mod cluster_address;
pub mod cluster_descriptor;
pub mod descriptor_chain;
pub use cameo_wire as wire;
pub mod identity;
pub mod ids;
pub mod keys;
pub mod moment;
pub mod op;
pub mod operator;
pub mod peer;
pub mod predecessor;
pub mod registration;
pub mod rights;
pub mod sealing;
pub mod signed;
pub mod statements;
pub mod terminal;
