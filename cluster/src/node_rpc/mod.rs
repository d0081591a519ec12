//! Calls between nodes beside Raft: lease renewals, probes, placements, captures for
//! backups.
//!
//! Each call and each answer is a version and a postcard value in one frame of a link. `presence`,
//! `jobs` and `backup` answer them, as [`Answers`].

mod envelope;
mod leader_client;

pub use envelope::{NodeAnswer, NodeCall, NotPlaced, VERSION, decode, encode};
pub use leader_client::{Answers, CallError, NodeRpc, ask_node};
