//! Snapshots: whole states in files of our own, streamed to nodes that are too far behind and kept
//! so that the log may be purged.
//!
//! A file counts only under its final name, which it gets after it was written, synced and, when
//! it came from another node, verified to the last byte.

mod build;
mod format;
mod install;
mod receive;
mod shelf;

pub(super) use build::build;
pub(super) use install::{install, load};
pub use receive::Receiving;
pub(super) use shelf::Origin;
pub use shelf::{SnapshotFile, Snapshots};

use std::io;

use openraft::type_config::alias;

use crate::consensus_types::TypeConfig;

#[cfg(test)]
pub(super) use format::{Reader, Writer};

/// A snapshot as openraft is given it.
pub(super) type Snapshot = alias::SnapshotOf<TypeConfig, SnapshotFile>;

/// Why a snapshot could not be written, received or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("snapshot file: {0}")]
    Io(#[from] io::Error),
    #[error("the snapshot is not intact ({0}): get it again")]
    Damaged(&'static str),
    #[error("the snapshot has version {0}, which this build does not know")]
    UnknownVersion(u8),
    #[error("the snapshot is larger than announced or allowed")]
    TooLarge,
    #[error("too many snapshots are being received at once: try again later")]
    Busy,
    #[error("the snapshot was given up: the state changed too fast while it was read")]
    GivenUp,
    #[error("the snapshot file does not say what was announced with it")]
    OtherMeta,
    #[error("the state database could not take the snapshot: {0}")]
    State(String),
}

impl From<super::state::database::GenerationError> for SnapshotError {
    fn from(error: super::state::database::GenerationError) -> Self {
        Self::State(error.to_string())
    }
}
