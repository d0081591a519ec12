//! Benchmarks. Each one prints a table, or one JSON document of figures.
//!
//! The benchmarks are [`codec`], [`mod@core`], [`mod@dispatch`], [`failover`], [`growth`],
//! [`placement`], [`rolling`] and [`sessions`].
//! They share [`figure`], [`goal`], [`machine`], [`runs`] and [`table`]; those beside etcd also
//! share the clusters. [`quality`] and [`steganalysis`] judge pictures independently of who made
//! them. A benchmark reports figures and compares them with its goals; no test asserts a time.

mod clusters;
pub mod codec;
pub mod core;
pub mod dispatch;
pub mod document;
pub mod failover;
pub mod figure;
pub mod goal;
pub mod growth;
pub mod interrupted;
mod job_clients;
pub mod machine;
mod others;
pub mod peak_memory;
pub mod placement;
mod process_cpu;
pub mod quality;
mod quantile;
pub mod rolling;
pub mod rounding;
pub mod runs;
pub mod sessions;
mod silence;
pub mod steganalysis;
pub mod table;
