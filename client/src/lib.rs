//! The Cameo client: verbs -> cluster API / peer API -> vault; the local gallery.

pub mod agent;
pub mod cli;
pub mod clock;
pub mod cluster_api;
pub mod context;
pub mod control;
pub mod conversation;
pub mod demo;
pub mod directory;
pub mod duration;
pub mod exit;
pub mod files;
pub mod key_file;
pub mod look;
pub mod notices;
pub mod open;
pub mod page;
pub mod peer;
pub mod prefix;
pub mod print;
pub mod share;
pub mod vault;
pub mod verbs;
pub mod words;
pub mod working;
