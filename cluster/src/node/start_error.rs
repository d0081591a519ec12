//! Reasons for which a node does not start.

use std::io::{self, ErrorKind};

use cameo_common::ids::NodeId;

use super::secret_file::SecretFileError;
use crate::backup::BackupFileError;
use crate::host::descriptors::TooFewDescriptors;
use crate::host::listen_error::ListenError;
use crate::jobs::DecisionLogError;
use crate::link::NodeKeyError;
use crate::operator::TokenError;
use crate::raft;
use crate::store::OpenError;

/// Why a node does not start, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the worker's token is damaged: ask the operator for a new one (`cameod token`)")]
    DamagedToken,
    #[error(
        "--peers and the token name no member: a worker needs the address of at least one, as in \
         --peers 1=HOST:PORT,{0}=HOST:PORT"
    )]
    NoMember(NodeId),
    #[error("--data {path}: {why}", why = folder_advice(.error))]
    Data { path: String, error: io::Error },
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error("the folder of --data was written by a later program: {0}")]
    Later(#[from] cameo_machine::LaterVersion),
    #[error("the backup that the cluster begins from: {0}")]
    Predecessor(#[from] BackupFileError),
    #[error(transparent)]
    Decisions(#[from] DecisionLogError),
    #[error(transparent)]
    Keys(#[from] NodeKeyError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Raft(#[from] raft::StartError),
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    #[error("the system cannot provide threads or random numbers or TLS: {0}")]
    System(String),
}

/// What to do about a folder that cannot be used.
fn folder_advice(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "it, or what should be a folder above it, is a file, which was not changed: give a \
             folder, which need not exist yet"
                .to_owned()
        }
        ErrorKind::PermissionDenied => {
            "this user may not read and write there: have its owner run this node, or give another \
             folder"
                .to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => {
            "it is on a file system that cannot be written: give another folder".to_owned()
        }
        _ => format!("the folder cannot be used: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_used_is_told_with_what_to_do() {
        for (kind, says) in [
            (ErrorKind::AlreadyExists, "is a file, which was not changed"),
            (ErrorKind::NotADirectory, "is a file, which was not changed"),
            (ErrorKind::PermissionDenied, "may not read and write there"),
            (ErrorKind::ReadOnlyFilesystem, "give another folder"),
        ] {
            let (path, error) = ("pic.jpg".to_owned(), kind.into());
            let told = StartError::Data { path, error }.to_string();
            assert!(told.starts_with("--data pic.jpg: "), "{told}");
            assert!(told.contains(says), "{told}");
        }
    }
}
