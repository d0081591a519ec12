//! Why a connection is refused.

use cameo_common::ids::NodeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    #[error("it speaks version {0} of the link; run the same cameod on every node")]
    Version(u8),
    #[error("the cluster secret differs; give the same --secret file to every node")]
    Secret,
    #[error("it belongs to another cluster; check --peers and --data")]
    Cluster,
    #[error(
        "the cluster knows another key for this node id; a node that lost its data or key must be removed and added under a new id"
    )]
    Key,
    #[error("it belongs to no cluster yet")]
    Unformed,
    #[error("this side belongs to no cluster yet")]
    CallerUnformed,
    #[error("node {answered} answered where node {dialed} was expected; check --peers")]
    Node { dialed: NodeId, answered: NodeId },
    #[error("it has this node's own id; every node needs an id of its own")]
    SameId,
    #[error("it has too many connections open")]
    Crowded,
    #[error("its hello could not be read")]
    Malformed,
}
