//! Tests of a Cameo cluster from outside, under faults.
//!
//! [`kill`] kills, pauses and restarts real nodes by a seeded schedule, and checks after each round
//! that the nodes agree again: one leader, everything committed applied, one state (law D3).
//! [`workload`] runs image jobs; [`jobs`] does so while workers are killed, stopped and paused.
//! [`statements`] are what users sign.
//! [`faults`] plans faults for all targets; [`target`] carries them out, [`simulation`] in one
//! process. [`history`] is what a run leaves behind; [`laws`] judges it, into [`verdict`]s, by
//! [`linearizable`] over the objects of [`specification`]. [`mod@check`] does so for a file, and
//! [`export`] writes it for other checkers, [`report`] for people. [`tally`] counts
//! runs over time. [`decisions`] judges decision
//! logs (law J2).

pub mod check;
pub mod decisions;
pub mod export;
pub mod faults;
pub mod history;
pub mod jobs;
pub mod kill;
pub mod laws;
pub mod linearizable;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod report;
pub mod schedule;
pub mod simulation;
pub mod specification;
pub mod statements;
pub mod tally;
pub mod target;
#[cfg(feature = "mutants")]
pub mod upgrade;
pub mod usage;
pub mod verdict;
pub mod workload;
