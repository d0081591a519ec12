//! Log, state and snapshots in memory, for the simulator and for tests of the layers above the
//! storage.
//!
//! They live on a [`MemoryDisk`], which outlives the node that uses it. What a process has handed
//! to the system survives its end; what was synced survives a power failure too (`platter`). The
//! `log` acknowledges a write after the sync that covers it (`sync`); the `state` is written
//! behind, as the real store does, and is rebuilt from snapshot and log after a power failure. The
//! `floor` file is on the same disk, and loses its unsynced end.

mod content;
mod disk;
mod floor;
mod floor_image;
mod log;
mod model;
mod platter;
mod port;
mod quarantine;
mod snapshot;
mod state;
mod sync;

#[cfg(test)]
mod tests;

pub use disk::{DiskCopy, MemoryDisk};
pub use log::MemoryLog;
pub use model::{AtOnce, DiskModel, NextSync};
pub use port::MemorySnapshots;
pub use snapshot::MemorySnapshot;
pub use state::MemoryState;
