//! The commands of the CLI, one use case a file: its arguments, and a function from an open home to
//! a report.

pub mod add;
pub mod agent;
pub mod approve;
mod arguments;
mod consent;
pub mod deny;
pub mod device;
mod error;
mod find;
pub mod gallery;
pub mod hide;
pub mod inbox;
pub mod init;
pub mod inspect;
pub mod lock;
pub mod log;
pub mod look;
mod peers;
pub mod reopen;
pub mod request;
pub mod requests;
pub mod reveal;
pub mod revoke;
pub mod rights;
pub mod shared;
pub mod status;
pub mod unlock;
mod unsent;
pub mod view;
pub mod who;

pub use error::{FindError, PeersError};
