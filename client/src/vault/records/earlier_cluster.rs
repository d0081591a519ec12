//! Clusters that a home belonged to before it followed a restore.

use cameo_common::ids::{ClusterId, Hash, Millis};
use serde::{Deserialize, Serialize};

use crate::vault::Record;

/// A cluster that is pinned no more, by its id: the next one was restored from its backup, and this
/// user has agreed to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierCluster {
    pub cluster: ClusterId,
    /// Base URLs of its nodes.
    pub nodes: Vec<String>,
    /// Number and hash of the newest descriptor that was known, unless it was the first.
    pub newest: Option<(u64, Hash)>,
    /// The cluster that was followed, and when.
    pub next: ClusterId,
    pub followed: Millis,
}

impl Record for EarlierCluster {
    const KIND: &'static str = "earlier-cluster";
    const VERSION: u16 = 1;
}
