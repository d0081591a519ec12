//! Progress of a node towards membership in a cluster.

use std::sync::Arc;

use crate::raft::genesis::Genesis;

/// Whether this node belongs to a cluster yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootstrapState {
    /// Not yet. `why` is a sentence for the operator.
    Waiting { why: String },
    /// Not with its present settings. `why` is a sentence for the operator.
    Refused { why: String },
    /// Yes, permanently.
    Formed { genesis: Arc<Genesis> },
}
