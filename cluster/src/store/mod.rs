//! Durable state: the log, the sled state machine and its snapshots.
//!
//! The log (`wal`) is the basis of every acknowledgement: nothing is answered before its fdatasync.
//! The state (`state`) is sled behind an in-memory overlay and can always be rebuilt from the
//! newest snapshot (`snapshot`) and the log after it. `open` decides at start which parts of a
//! directory may still be trusted. openraft's and sled's types do not leave this folder, except in
//! the trait implementations that openraft needs.

mod apply;
pub mod check;
mod disk_watch;
mod failure;
mod layout;
mod machine;
mod meta;
mod node_record;
mod open;
mod open_error;
mod options;
mod orderly_stop;
mod private_folder;
mod recovery;
mod rewrite;
mod snapshot;
mod source;
mod state;
mod subscriptions;
mod verification;
mod wal;

#[cfg(test)]
mod tests;

pub use apply::StateMachine;
pub(crate) use apply::proposals;
pub(crate) use failure::{is_disk_full, stop_process};
pub use layout::{DirectoryError, PREDECESSOR};
pub(crate) use layout::{rename_durably, sync_directory};
pub use machine::{Decided, Decider, Machine};
pub(crate) use meta::Applied;
pub use node_record::NodeRecord;
pub use open::{Opened, Store};
pub use open_error::OpenError;
pub use options::Options;
pub(crate) use rewrite::rewrite_in_place;
pub use snapshot::{
    OnDemandSnapshots, OpenSnapshot, Receiving, SnapshotError, SnapshotFile, SnapshotRows,
    Snapshots, StoreSnapshots, verify_snapshot,
};
pub use source::Source;
pub use state::{NotApplied, State, StateHash, StoreView};
pub use subscriptions::{SessionNews, Subscriptions, Touched, UserSubscription};
pub use wal::{MAX_PROPOSAL_BYTES, Truncation, Wal, WalError};
