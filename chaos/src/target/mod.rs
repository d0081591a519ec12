//! Targets of runs: [`sim`] is a whole cluster in one deterministic process.

pub mod sim;
