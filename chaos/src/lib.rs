//! Judges a Cameo cluster from outside.
//!
//! So far it kills, pauses and restarts real nodes by a seeded schedule, and checks after each round
//! that the nodes agree again: one leader, everything committed applied, one state (law D3).

pub mod kill;
pub mod schedule;
