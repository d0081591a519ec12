//! Text that people type and that strangers send: ids by their beginning, lengths of time, what is safe to show.

pub mod duration;
pub mod prefix;
pub mod sanitize;
