//! Start-up stage of a node.

use cameo_common::ids::ClusterId;

/// Progress of a node towards serving its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Not serving yet; the text is the reason.
    Waiting(String),
    /// Serves the cluster with this id.
    Ready(ClusterId),
    /// Never serves; the text is the reason.
    Failed(String),
}

impl Stage {
    /// What the node waits for, if it does not serve its cluster.
    pub(super) fn not_ready(&self) -> Option<String> {
        (!matches!(self, Self::Ready(_))).then(|| self.reason())
    }

    /// The reason for clients while the node does not serve them.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Waiting(why) | Self::Failed(why) => why.clone(),
            Self::Ready(_) => "starting".to_owned(),
        }
    }
}
