//! The Cameo client: cli -> commands -> flows -> cluster API, peers, directory -> vault.

pub mod agent;
pub mod cli;
pub mod clock;
pub mod cluster_api;
pub mod commands;
pub mod control;
pub mod directory;
pub mod error_kind;
pub mod flows;
pub mod output;
pub mod panics;
pub mod peer;
pub mod text;
pub mod vault;
pub mod viewer;
