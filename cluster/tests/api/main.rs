//! Tests of the HTTP API: real nodes in this process, HTTP over loopback.
#![allow(clippy::unwrap_used)]

mod backup;
mod callers;
mod deals;
mod devices;
mod disk_space;
mod events;
mod floors;
mod http;
mod jobs;
mod listen;
mod members;
mod operator;
mod person;
mod presence;
mod probes;
mod quarantine;
mod quorum;
mod refusals;
mod restore;
mod stolen;
mod views;
mod workers;
mod world;
