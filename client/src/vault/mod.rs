//! The vault of a home: small sealed records, and unsealed carriers.
//!
//! `home` is the folder and `lock` serialises writers. `unlock` finds the `passphrase`, `key` wraps
//! the vault's key under it. `file` seals records and replaces files atomically, `store` keeps any
//! type that implements [`Record`], `records` has those types. `work_lock` keeps agent and commands
//! from working on the same item. `files` and `key_file` handle files named on the command line.
//!
//! All calls block on the disk; use `spawn_blocking` in async code.

mod blobs;
pub mod error;
pub mod file;
pub mod files;
pub mod home;
pub mod io_error;
pub mod key;
pub mod key_file;
pub mod lock;
pub mod passphrase;
mod record;
pub mod records;
mod store;
pub mod unlock;
pub mod work_lock;

pub use error::{LocalError, VaultError};
pub use home::Home;
pub use io_error::IoError;
pub use lock::AgentLock;
pub use passphrase::Passphrase;
pub use record::{Older, Record};
pub use store::{Listing, Vault};
pub use work_lock::{WorkLock, WorkLockError};
