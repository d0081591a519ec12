//! Why the log cannot be used.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error(
        "the log has valid records behind a damaged one (file {file}, byte {offset}): acknowledged entries may be lost. This node must not vote with it: remove the node and add it again with an empty directory and a new id"
    )]
    DamagedInFront { file: String, offset: u64 },
    #[error(
        "the log lacks entry {missing}, between what was purged and what is there: this node must not vote with it: remove the node and add it again with an empty directory and a new id"
    )]
    Gap { missing: u64 },
    #[error(
        "the log cannot be read: {0}. If its disk is healthy, remove the node and add it again with an empty directory and a new id"
    )]
    Unreadable(#[source] io::Error),
}
