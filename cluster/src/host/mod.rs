//! What a node takes from the machine it runs on: the wall clock, randomness, thread priorities.

pub mod clock;
pub mod rng;
pub(crate) mod thread_priority;
