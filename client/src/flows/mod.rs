//! What the client does with others, one rule a folder; commands and the agent call the same flows.

pub mod context;
pub mod notices;
pub mod open;
pub mod share;
