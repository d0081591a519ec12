//! What this person holds, on disk: small sealed records, and carriers in the clear.
//!
//! `home` is the folder, `lock` keeps writers apart, `unlock` finds the passphrase,
//! `key` wraps the vault's key with it, `file` seals one record and writes one file so
//! that a crash leaves the old or the new one. What a record says is not known here:
//! anything that implements [`Record`] can be kept.
//!
//! Everything here blocks on the disk; from async code use `spawn_blocking`.

pub mod error;
pub mod file;
pub mod files;
pub mod home;
pub mod key;
pub mod key_file;
pub mod lock;
pub mod unlock;
pub mod work_lock;

pub mod records;

mod blobs;
mod record;
mod store;

pub use error::VaultError;
pub use home::Home;
pub use lock::AgentLock;
pub use record::{Older, Record};
pub use store::{Listing, Vault};
pub use unlock::Passphrase;
