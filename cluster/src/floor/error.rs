//! Failures of the floors.

use std::io;

use super::grant_floor::FloorRefusal;

/// Why a node must not release by its floor file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the record of released views (DATA/floor) is gone: this node must not release parts \
         without it. Remove the node and add it again with an empty directory and a new id"
    )]
    Missing,
    #[error("the header of DATA/floor is damaged. {REMEDY}")]
    DamagedHeader,
    #[error("DATA/floor has version {0}, which this build does not read: update cameod")]
    UnknownVersion(u16),
    #[error("DATA/floor is of another node or cluster: give this node its own directory")]
    OtherOwner,
    #[error("DATA/floor has valid records after a damaged one (byte {offset}). {REMEDY}")]
    DamagedInside { offset: usize },
    #[error("DATA/floor lacks records: {found} comes after {before}. {REMEDY}")]
    Gap { before: u64, found: u64 },
    #[error("cannot read DATA/floor: {0}. Check the disk")]
    Io(#[from] io::Error),
}

const REMEDY: &str = "Released views may be forgotten, so this node must not release parts with \
                      it: remove the node and add it again with an empty directory and a new id";

/// Why a release may not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    #[error(transparent)]
    Refused(#[from] FloorRefusal),
    #[error("too many releases wait for this node's disk: ask other nodes")]
    Busy,
    #[error("this node cannot record releases any more ({0}): ask other nodes")]
    Failed(String),
}
