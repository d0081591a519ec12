//! The bodies of the targets, included from the tests that run them on stable over the committed
//! corpora.

#[path = "../../common/tests/hostile/targets/mod.rs"]
mod targets;

pub use targets::*;
