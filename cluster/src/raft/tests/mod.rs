//! Tests with three nodes in one process over real loopback links, with log and state in memory.

#![allow(clippy::unwrap_used)]

mod app;
mod attacks;
mod bootstrap;
mod changing;
mod cluster;
mod disk_space;
mod entry_times;
mod host;
mod joining;
mod old_snapshot;
mod outsiders;
mod quarantine;
mod removing;
mod reserved_ports;
mod world;
