//! The laws on small histories, good and bad: each law refuses at least one.

#![allow(clippy::unwrap_used)]

mod story;

mod directory;
mod dispatch;
mod endings;
mod ledger;
mod liars;
mod nodes;
mod owners_log;
mod people;
mod releases;
mod rights;
mod whole;
