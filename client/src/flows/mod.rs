//! The flows: the rules of each use case with their typed errors, called by commands and agent
//! alike.

mod absent_grant;
pub mod context;
pub mod deal_again;
pub mod devices;
mod error;
pub mod gallery;
pub mod holders;
pub mod notices;
pub mod open;
pub mod outbox;
pub mod presence;
pub mod receive;
pub mod reopen;
pub mod request;
pub mod rights;
pub mod share;
pub mod used_views;
pub mod views_taken;

pub use error::LedgerError;
