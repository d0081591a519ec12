//! What nodes ask of each other beside Raft: signs of life, probes, placements.
//!
//! Each call and each answer is a version and a postcard value, inside the link's own frames.

mod service;
mod wire;

pub use service::{CallError, NodeCalls, Pieces};
pub use wire::{NodeAnswer, NodeCall, NotPlaced};
