//! Interfaces to the machine: wall clock, random numbers, threads for blocking work, priorities.

pub mod blocking;
pub mod clock;
pub mod rng;
pub(crate) mod seldom;
pub(crate) mod thread_priority;
