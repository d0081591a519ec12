//! Leadership and stopping of this node.

use std::sync::atomic::{AtomicBool, Ordering};

use cameo_common::ids::NodeId;
use tokio::sync::watch;

use super::status::Leadership;

/// State that all parts of Raft at this node share.
pub(crate) struct NodeState {
    pub id: NodeId,
    pub leadership: watch::Receiver<Leadership>,
    stopping: AtomicBool,
}

impl NodeState {
    pub fn new(id: NodeId, leadership: watch::Receiver<Leadership>) -> Self {
        Self {
            id,
            leadership,
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
