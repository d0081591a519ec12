//! What the client does with others, one rule a folder; commands and the agent call the same flows.

pub mod context;
mod error;
pub mod gallery;
pub mod notices;
pub mod open;
pub mod outbox;
pub mod presence;
pub mod receive;
pub mod request;
pub mod rights;
pub mod share;

pub use error::LedgerError;
