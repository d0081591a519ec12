//! Leadership, disk space and stopping of this node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cameo_common::ids::NodeId;
use tokio::sync::watch;

use super::status::Leadership;
use crate::host::disk_space::DiskSpace;

/// State that all parts of Raft at this node share.
pub(crate) struct NodeState {
    pub id: NodeId,
    pub leadership: watch::Receiver<Leadership>,
    /// Whether there is room for new entries.
    pub space: Arc<DiskSpace>,
    stopping: AtomicBool,
}

impl NodeState {
    pub fn new(id: NodeId, leadership: watch::Receiver<Leadership>, space: Arc<DiskSpace>) -> Self {
        Self {
            id,
            leadership,
            space,
            stopping: AtomicBool::new(false),
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Begins to stop. False when the node was stopping already.
    pub fn begin_to_stop(&self) -> bool {
        !self.stopping.swap(true, Ordering::AcqRel)
    }
}
