//! The reasons for which a node must not start on its data directory.

use std::io;

use super::layout::DirectoryError;
use super::snapshot::SnapshotError;
use super::wal::WalError;
use crate::host::lost_folder::LOST_FOLDER;

/// Why a node must not start on its directory.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Wal(#[from] WalError),
    #[error(
        "{}, but this node had already applied entry {applied}: acknowledged entries are lost. \
         This node must not vote with it. {LOST_FOLDER}",
        end_of_log(*.last)
    )]
    EndsBeforeApplied { last: Option<u64>, applied: u64 },
    #[error(
        "the log's entry {index} is not the one that this node had applied. This node must not \
         vote with it. {LOST_FOLDER}"
    )]
    Diverged { index: u64 },
    #[error(
        "the log begins after entry {purged}, and no intact snapshot or state reaches that far. \
         {LOST_FOLDER}"
    )]
    NoStartingPoint { purged: u64 },
    #[error("cannot rebuild the state from the snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    #[error("cannot create the state database: {0}. Check the disk")]
    State(String),
    #[error("cannot use the data directory: {0}. Check the disk and its permissions")]
    Io(#[from] io::Error),
}

fn end_of_log(last: Option<u64>) -> String {
    last.map_or("the log has no entry".to_owned(), |last| {
        format!("the log ends at entry {last}")
    })
}
