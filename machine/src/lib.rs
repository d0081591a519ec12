//! The replicated state machine: pure, without async, clock, randomness, configuration or IO.
//!
//! [`decide`] takes the state and one committed entry and returns a decision: a refusal, which
//! changes nothing, or a list of changes that cannot fail. It gives the same result over sled, over
//! a map in a test, and in the simulator.
//!
//! `rows` defines the records of the state, `draft` collects the changes of one entry, and each
//! rule is in the file of its noun. [`read`] is the read side, for HTTP handlers and nodes.

mod claims;
mod cluster;
mod command;
mod compaction;
mod deals;
mod decide;
mod devices;
mod draft;
mod early_refusal;
mod entry_version;
mod grants;
mod holders;
pub mod limits;
mod live_grants;
mod lthash;
mod mailbox;
mod notices;
mod origin;
mod principal;
pub mod read;
mod receipts;
mod registration;
mod restore;
mod retirement;
mod retries;
mod rights;
mod rows;
mod sessions;
mod state_view;
mod statement_order;
mod users;
mod views;
mod workers;

#[cfg(test)]
mod tests;

pub use cameo_common::op::{Authorization, Op};
pub use claims::claims;
pub use command::{
    Caller, Command, Done, ENTRY_VERSION, Entry, OLDEST_ENTRY_VERSION, Refusal, Reply,
    newest_entry_version,
};
pub use decide::{Decision, decide, decide_verified_by};
pub use early_refusal::{early_refusal, refusal_now};
pub use entry_version::{LaterVersion, check_state, check_version, version_of};
pub use lthash::{LTHASH_BYTES, LtHash};
pub use restore::{NoBeginning, check_beginning};
pub use rows::{RestoreStage, is_of_retry_table, is_taken_over};
pub use sessions::SessionChange;
pub use state_view::{Change, MapView, Rows, StateView};
