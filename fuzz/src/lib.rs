//! The targets' bodies lie where the tests are that run them on stable, over the committed corpus.

#[path = "../../common/tests/hostile/targets/mod.rs"]
mod targets;

pub use targets::*;
