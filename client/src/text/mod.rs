//! Text of users and peers: id prefixes, durations, and sanitizing.

pub mod duration;
pub mod prefix;
pub mod sanitize;
