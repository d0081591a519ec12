//! Reasons for which the log cannot be used.

use std::io;

use crate::host::lost_folder::LOST_FOLDER;

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error(
        "the log has valid records after a damaged one (file {file}, byte {offset}): \
         acknowledged entries may be lost. This node must not vote with it. {LOST_FOLDER}"
    )]
    DamagedInside { file: String, offset: u64 },
    #[error(
        "the log lacks entry {missing}, between the purged and the present entries. \
         This node must not vote with it. {LOST_FOLDER}"
    )]
    Gap { missing: u64 },
    #[error(
        "cannot read the log: {0}. Check the disk: if it is healthy, the folder is lost. \
         {LOST_FOLDER}"
    )]
    Unreadable(#[source] io::Error),
}
