//! Tests of the machine: `cases` by behaviour, `laws` as properties over random histories, and
//! `pinned` for the bytes on disk and in the log.
#![allow(clippy::unwrap_used)]

mod cases;
mod cast;
mod laws;
mod pinned;
mod restored;
mod script;
mod verifiers;
