//! Reasons for which Raft does not start.

use cameo_common::ids::NodeId;
use thiserror::Error;

use crate::host::listen_error::ListenError;
use crate::host::lost_folder::LOST_FOLDER;
use crate::raft::members::record_file::RecordError;
use crate::raft::members::role_watch::removed_sentence;
use crate::raft::members::secret_check::SecretCheckError;
use crate::raft::quarantine::{OriginError, PeersError};
use crate::raft::start::recorded_flags::FlagError;

/// Why Raft did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("--peers does not contain node {0} itself; it must list every founding node")]
    NotAPeer(NodeId),
    #[error("this directory belongs to node {0}, which is a voter: start it without --worker")]
    IsVoter(NodeId),
    #[error("this directory belongs to node {0}, which is a worker: start it with --worker")]
    IsWorker(NodeId),
    #[error("{}", removed_sentence(*.0))]
    Removed(NodeId),
    #[error("the election timing is invalid: {0}")]
    Timing(String),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Flags(#[from] FlagError),
    #[error(transparent)]
    Secret(#[from] SecretCheckError),
    #[error(
        "this directory belongs to a cluster and its log is lost: this node will not vote, \
         because the votes it gave are lost. {LOST_FOLDER}"
    )]
    LogLost,
    #[error(
        "this directory has a log, but the record of its cluster (DATA/genesis) is lost. \
         {LOST_FOLDER}"
    )]
    RecordLost,
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error("cannot read DATA/quarantined: {0}. Check the disk")]
    Marker(#[source] std::io::Error),
    #[error("the directory belongs to another cluster: {0}")]
    OtherCluster(std::io::Error),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("cannot start: {0}")]
    Failed(String),
}
