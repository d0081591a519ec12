//! The store judged from outside: openraft's own suite, crashes, and the bytes on disk.
#![allow(clippy::unwrap_used)]

mod suite;
mod world;
