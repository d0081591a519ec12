//! The machine's tests: `cases` by behaviour, `laws` as properties over random histories, `pinned`
//! the bytes that are on disk and in the log.
#![allow(clippy::unwrap_used)]

mod cases;
mod cast;
mod laws;
mod pinned;
mod script;
