//! What nodes ask of each other beside Raft: signs of life, probes, placements.
//!
//! Each call and each answer is a version and a postcard value, inside the link's own frames. The
//! rooms that a call is about answer it, as [`Answers`]: `presence` and `jobs`.

mod envelope;
mod leader_client;

pub use envelope::{NodeAnswer, NodeCall, NotPlaced};
pub use leader_client::{Answers, CallError, NodeRpc, ask_node};
