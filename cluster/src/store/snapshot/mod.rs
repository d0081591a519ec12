//! Snapshots: files with the whole state, sent to nodes that are too far behind, and kept so that
//! the log can be purged.
//!
//! A file is valid only under its final name, which it gets after it was written, synced and, when
//! it came from another node, verified completely, with its certificate.
//!
//! `capture` takes the state at each fixed index; a `pending` snapshot waits for its certificate.

mod build;
mod capture;
mod certify;
mod folder;
mod format;
mod install;
mod on_demand;
mod pending;
mod receive;
mod rows;

pub(super) use build::build;
pub(super) use capture::capture;
pub(super) use folder::{Origin, snapshot_files};
pub use folder::{SnapshotFile, Snapshots};
#[cfg(test)]
pub(super) use install::load_space;
pub(super) use install::{install, load};
pub use on_demand::{OnDemandSnapshots, OpenSnapshot, StoreSnapshots};
pub use receive::Receiving;
pub(super) use rows::DAMAGED;

use std::io;

use super::failure::is_disk_full;
use openraft::type_config::alias;

use crate::certificate::NotCertified;
use crate::consensus_types::TypeConfig;
use crate::host::disk_space::LowDiskSpace;
use cameo_machine::LaterVersion;

pub(super) use format::Reader;
#[cfg(test)]
pub(super) use format::Writer;
pub use format::{SnapshotRows, verify_snapshot};

/// A snapshot as openraft uses it.
pub(super) type Snapshot = alias::SnapshotOf<TypeConfig, SnapshotFile>;

/// Why a snapshot could not be written, received or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("snapshot file: {0}")]
    Io(#[from] io::Error),
    #[error("the snapshot is damaged ({0}): transfer it again")]
    Damaged(&'static str),
    #[error("the snapshot has version {0}, which this build does not support")]
    UnknownVersion(u8),
    #[error("the snapshot is larger than announced or allowed")]
    TooLarge,
    #[error("too many snapshots are being received at once: try again later")]
    Busy,
    #[error("the snapshot was aborted: the state changed too fast while it was read")]
    Aborted,
    #[error(transparent)]
    Low(#[from] LowDiskSpace),
    #[error("the snapshot file does not match the announced metadata")]
    OtherMeta,
    #[error("the snapshot is not certified: {0}")]
    NotCertified(#[from] NotCertified),
    #[error("the snapshot is of a later program: {0}")]
    Later(#[from] LaterVersion),
    #[error("cannot load the snapshot into the state database: {0}")]
    State(String),
}

impl SnapshotError {
    /// Whether it can be done once there is room on the disk.
    pub(super) fn is_disk_full(&self) -> bool {
        match self {
            Self::Io(error) => is_disk_full(error),
            Self::Low(_) => true,
            _ => false,
        }
    }
}

impl From<super::state::database::GenerationError> for SnapshotError {
    fn from(error: super::state::database::GenerationError) -> Self {
        use super::state::database::GenerationError as E;
        match error {
            E::Io(error) | E::Sled(sled::Error::Io(error)) => Self::Io(error),
            error => Self::State(error.to_string()),
        }
    }
}
