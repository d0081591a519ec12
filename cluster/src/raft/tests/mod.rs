//! Three nodes in one process over real loopback links, log and state in memory.

#![allow(clippy::unwrap_used)]

mod bootstrap;
mod cluster;
mod joining;
mod removing;
mod strangers;
mod world;
