//! Reasons for which a node does not start.

use std::io;
use std::net::SocketAddr;

use cameo_common::ids::NodeId;

use super::secret_file::SecretFileError;
use crate::host::descriptors::TooFewDescriptors;
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
    #[error("{0} is a file, and --data takes the folder of a node: name a folder, also a new one")]
    DataIsAFile(String),
    #[error("cannot use the data folder {path}: {error}")]
    Data { path: String, error: io::Error },
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Decisions(#[from] DecisionLogError),
    #[error(transparent)]
    Keys(#[from] NodeKeyError),
    #[error(
        "cannot serve on {address}: {error}; \
         stop the program that uses this port, or choose another --http or --metrics"
    )]
    Http {
        address: SocketAddr,
        error: io::Error,
    },
    #[error(transparent)]
    Raft(#[from] raft::StartError),
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    #[error("the system cannot provide threads or random numbers or TLS: {0}")]
    System(String),
}
