//! Origin of a folder: the one in which its node took part last, or perhaps a copy.

use std::io;

use thiserror::Error;

/// What a folder is, as far as its files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The folder in which the node took part last.
    Original,
    /// A copy of it, for all that is known.
    MayBeCopy(NotProven),
}

/// Why a folder may be a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotProven {
    #[error("it has no DATA/origin, as a folder that no node of this build has taken part with")]
    NoRecord,
    #[error("DATA/origin is damaged")]
    Damaged,
    #[error("the file that DATA/origin names is gone")]
    Gone,
    #[error("the file that DATA/origin names was written or copied since")]
    Changed,
}

/// Why the origin of a folder cannot be told.
#[derive(Debug, Error)]
pub enum OriginError {
    #[error("cannot read DATA/origin: {0}. Check the disk")]
    Io(#[from] io::Error),
    #[error("DATA/origin has version {0}, which this build does not read: update cameod")]
    UnknownVersion(u8),
}
