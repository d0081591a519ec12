//! How far a node is on its way into a cluster.

use std::sync::Arc;

use crate::raft::genesis::Genesis;

/// Whether this node belongs to a cluster yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootstrapState {
    /// Not yet, and why; a sentence for the operator.
    Waiting { why: String },
    /// It will not, started as it is, and why; a sentence for the operator.
    Refused { why: String },
    /// It does, for good.
    Formed { genesis: Arc<Genesis> },
}
