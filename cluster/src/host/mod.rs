//! Interfaces to the machine: wall clock, random numbers, threads for blocking work, file
//! descriptors, priorities.

pub mod blocking;
pub mod clock;
pub mod descriptors;
pub mod rng;
pub(crate) mod thread_priority;
