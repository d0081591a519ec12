//! Reasons for refusing a connection.

use cameo_common::ids::NodeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::lost_folder::LOST_FOLDER;

/// Why a connection was refused. Positional on the wire: append only. In the texts "it" is the node
/// that was dialed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    #[error("it speaks version {0} of the link; run the same cameod on every node")]
    Version(u8),
    #[error("the cluster secret differs; give the same --secret file to every node")]
    Secret,
    #[error("it belongs to another cluster; check --peers and --data")]
    Cluster,
    #[error(
        "the cluster has another key for this node id: check --id and --data, or its folder is \
         lost. {LOST_FOLDER}"
    )]
    Key,
    #[error("it belongs to no cluster yet")]
    NoCluster,
    #[error("this side belongs to no cluster yet")]
    CallerHasNoCluster,
    #[error("node {answered} answered where node {dialed} was expected; check --peers")]
    Node { dialed: NodeId, answered: NodeId },
    #[error("it has the same id as this node; every node needs an id of its own")]
    SameId,
    #[error("it has too many connections open")]
    TooManyConnections,
    #[error("its hello could not be read")]
    Malformed,
    #[error("this side is no member of its cluster, as far as it knows")]
    NotMember,
    #[error("this side knows no member of that id, and so no key that it must have")]
    UnknownMember,
}
