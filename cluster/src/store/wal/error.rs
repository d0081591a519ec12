//! Reasons for which the log cannot be used.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error(
        "the log has valid records after a damaged one (file {file}, byte {offset}): \
         acknowledged entries may be lost. This node must not vote with it: \
         remove the node and add it again with an empty directory and a new id"
    )]
    DamagedInside { file: String, offset: u64 },
    #[error(
        "the log lacks entry {missing}, between the purged and the present entries. \
         This node must not vote with it: \
         remove the node and add it again with an empty directory and a new id"
    )]
    Gap { missing: u64 },
    #[error(
        "cannot read the log: {0}. If its disk is healthy, \
         remove the node and add it again with an empty directory and a new id"
    )]
    Unreadable(#[source] io::Error),
}
