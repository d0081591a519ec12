//! What a node takes from the machine it runs on: randomness and thread priorities.

pub mod rng;
pub(crate) mod thread_priority;
