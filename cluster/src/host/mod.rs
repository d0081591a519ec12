//! Interfaces to the machine: wall clock, random numbers, threads for blocking work, file
//! descriptors, free disk space, files of secrets, priorities, the log on stderr; the advice for a
//! lost folder; and a memory of verified signatures.

pub mod blocking;
pub mod clock;
pub mod descriptors;
pub mod disk_space;
pub mod listen_error;
pub mod log;
pub(crate) mod lost_folder;
pub mod private_file;
pub(crate) mod repeats;
pub mod rng;
pub(crate) mod seldom;
pub mod signatures;
pub(crate) mod thread_priority;
