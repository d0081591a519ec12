//! Floors of grants: what this node has released and which rights it has seen, kept apart from log,
//! state and snapshots, so that a rolled-back state releases nothing twice.
//!
//! `grant_floor` is the rule for one grant, pure. `kept` has all of them in memory, and `floors`
//! writes them: callers wait until their record is durable, and records that arrive during a sync
//! share the next one. `disk` is the interface to the one file, `file` its real form; `header`,
//! `frame`, `record` are its bytes; `mark` is how far it has come, for other nodes to remember.

mod contents;
mod disk;
mod error;
mod file;
mod floors;
mod frame;
mod grant_floor;
mod header;
mod kept;
mod mark;
mod record;
#[cfg(test)]
mod tests;

pub use contents::{Contents, contents};
pub use disk::FloorDisk;
pub use error::{FloorError, OpenError};
pub use file::FloorFile;
pub use floors::Floors;
pub use grant_floor::{FloorRefusal, GrantFloor, MAX_RECENT, Shown};
pub use header::{Owner, create};
pub use mark::FloorMark;
