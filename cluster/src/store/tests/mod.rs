//! Tests of the whole store: openraft's suite, crashes, recovery, and the bytes on disk.
#![allow(clippy::unwrap_used)]

mod bytes;
mod certified;
mod cluster;
mod corruption;
mod crash;
mod disk_space;
mod orderly_stop;
mod process;
mod reads;
mod recovery;
mod snapshots;
mod suite;
mod verification;
mod world;
