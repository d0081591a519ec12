//! What this person holds, on disk: small sealed records, and carriers in the clear.
//!
//! `home` is the folder, `lock` keeps writers apart, `unlock` finds the `passphrase`,
//! `key` wraps the vault's key with it, `file` seals one record and writes one file so
//! that a crash leaves the old or the new one. `work_lock` keeps agent and commands from
//! working on the same thing; `files` and `key_file` are files that a person names. What a record says is not known here:
//! anything that implements [`Record`] can be kept.
//!
//! Everything here blocks on the disk; from async code use `spawn_blocking`.

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
