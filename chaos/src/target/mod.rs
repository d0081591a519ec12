//! Targets of runs: [`sim`] is a whole cluster in one deterministic process, [`real`] one of real
//! processes with real disks.

pub mod real;
pub mod sim;
mod tls;
