//! Failures of the floors.

use std::io;

use super::grant_floor::FloorRefusal;
use crate::host::lost_folder::LOST_FOLDER;

/// Why a node must not release by its floor file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the record of released views (DATA/floor) is gone: this node must not release parts \
         without it. {LOST_FOLDER}"
    )]
    Missing,
    #[error("the header of DATA/floor is damaged. {FORGOTTEN}. {LOST_FOLDER}")]
    DamagedHeader,
    #[error("DATA/floor has version {0}, which this build does not read: update cameod")]
    UnknownVersion(u16),
    #[error("DATA/floor is of another node or cluster: give this node its own directory")]
    OtherOwner,
    #[error(
        "DATA/floor has valid records after a damaged one (byte {offset}). {FORGOTTEN}. \
         {LOST_FOLDER}"
    )]
    DamagedInside { offset: usize },
    #[error("DATA/floor lacks records: {found} comes after {before}. {FORGOTTEN}. {LOST_FOLDER}")]
    Gap { before: u64, found: u64 },
    #[error("cannot read DATA/floor: {0}. Check the disk")]
    Io(#[from] io::Error),
}

const FORGOTTEN: &str =
    "Released views may be forgotten, so this node must not release parts with it";

/// Why a release may not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    #[error(transparent)]
    Refused(#[from] FloorRefusal),
    #[error("too many releases wait for this node's disk: ask other nodes")]
    Busy,
    #[error(
        "this node's disk is full, and nothing is released without a record: ask other nodes. It \
         goes on when there is room"
    )]
    DiskFull,
    #[error("this node cannot record releases any more ({0}): ask other nodes")]
    Failed(String),
}
