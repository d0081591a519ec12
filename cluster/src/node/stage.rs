//! How far a node is at its start.

use cameo_common::ids::ClusterId;

/// Where a node is on its way into its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Not there yet, and why.
    Waiting(String),
    /// Serves the cluster with this id.
    Ready(ClusterId),
}

impl Stage {
    /// What clients are told while the node does not serve them.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Waiting(why) => why.clone(),
            Self::Ready(_) => "starting".to_owned(),
        }
    }
}
