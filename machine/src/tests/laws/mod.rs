//! The laws of docs/GUARANTEES.md as properties over random histories. Each file keeps a small
//! model of the accepted commands, and compares decisions and reads with it.

mod decisions;
mod directory;
mod draft;
mod history;
mod holders;
mod ledger;
mod live;
mod mailbox;
mod reach;
mod release;
mod restore;
