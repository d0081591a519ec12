//! Interfaces to the machine: wall clock, random numbers, thread priorities.

pub mod clock;
pub mod rng;
pub(crate) mod thread_priority;
