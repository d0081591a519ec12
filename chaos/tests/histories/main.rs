//! Whole histories: generated ones of any size, and the same ones judged by a checker that is not
//! ours.

#![allow(clippy::unwrap_used)]

mod failures;
mod generate;
mod independent;
mod laws;
mod recorded;
mod reference;
mod size;
