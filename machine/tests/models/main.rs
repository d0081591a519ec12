//! Exhaustive models of the two protocols that people rely on: delivery of rights, and views.
//!
//! Each model drives the machine's own [`cameo_machine::decide`] over a map, through every order of
//! messages, repeats and crashes within its bounds, and checks the laws of `docs/GUARANTEES.md` in
//! every state. `broken` has faulty machines: for each law there is one that its check refutes.
//! Here the owners and viewers are models; the histories of real clients are judged by
//! `cameo-chaos`.
#![allow(clippy::unwrap_used)]

mod broken;
#[path = "../../src/tests/cast/mod.rs"]
#[allow(dead_code)]
mod cast;
mod delivery;
mod ledger;
mod report;
mod views;

// What `cast`, which is shared with the unit tests, knows the crate by.
use cameo_machine::{Authorization, Op, limits};
